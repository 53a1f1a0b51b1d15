// Where connections go, by walking the rules as data: each rule's intent in terms of packets.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TransportProtocol } from '../netfilter/model.ts';
import type { Outcome } from '../netfilter/trace.ts';
import { type Localities, localitiesOf } from './locality.ts';
import { type ServiceSpec, service, slice } from './testing/builders.ts';
import { CIDRS, NODE_ADDRESSES, nodeWith, type Objects } from './testing/node.ts';

const here = (ip: string) => ({ addresses: [ip], nodeName: 'node1' });
const there = (ip: string) => ({ addresses: [ip], nodeName: 'node2' });

/** Short for an outcome: `10.244.1.5:8080`, with `masqueraded` behind it, or what became of it. */
function brief({ act, to, masqueraded }: Outcome): string {
  if (act !== 'accept') return act;
  const host = to.ip.includes(':') ? `[${to.ip}]` : to.ip;
  return `${host}:${to.port}${masqueraded ? ' masqueraded' : ''}`;
}

async function ask(objects: Objects, localities?: Localities, own?: readonly string[]) {
  const node = await nodeWith(objects, localities, own);
  return (saddr: string, daddr: string, dport: number, protocol: TransportProtocol = 'tcp', through = 'eth0') =>
    node({ saddr, daddr, protocol, dport, through }).map(brief).sort();
}

const families = {
  IPv4: {
    vip: '10.96.0.10',
    loadBalancer: '192.168.50.200',
    node: '192.168.50.1',
    pod: '10.244.1.5',
    remotePod: '10.244.2.6',
    outside: '192.168.50.9',
    elsewhere: '198.51.100.7',
    prefix: 32,
    everyone: '0.0.0.0/0',
    other: 'fd00::/8',
    at: (ip: string, port: number) => `${ip}:${port}`,
  },
  IPv6: {
    vip: 'fd00:10:96::10',
    loadBalancer: 'fd00:50::200',
    node: 'fd00:50::1',
    pod: 'fd00:10:244:1::5',
    remotePod: 'fd00:10:244:2::6',
    outside: 'fd00:50::9',
    elsewhere: '2001:db8::7',
    prefix: 128,
    everyone: '::/0',
    other: '10.0.0.0/8',
    at: (ip: string, port: number) => `[${ip}]:${port}`,
  },
};

for (const [family, addresses] of Object.entries(families)) {
  const { vip, loadBalancer, node, pod, remotePod, outside, at } = addresses;
  describe(`over ${family}`, () => {
    const both = [here(pod), there(remotePod)];
    const spec = { clusterIPs: [vip], type: 'LoadBalancer' as const, ports: [{ port: 80, nodePort: 30000 }] };
    const toBoth = [at(pod, 8080), at(remotePod, 8080)];
    const hidden = toBoth.map((text) => `${text} masqueraded`);

    test('a cluster IP leads to each endpoint, and pods keep their address', async () => {
      const from = await ask([service('web', spec), slice('web', both)]);
      assert.deepEqual(from(remotePod, vip, 80), toBoth);
      assert.deepEqual(from(node, vip, 80), hidden);
      assert.deepEqual(from(outside, vip, 80), hidden);
    });

    test('a pod that reaches itself is masqueraded, and only then', async () => {
      const from = await ask([service('web', spec), slice('web', both)]);
      assert.deepEqual(from(pod, vip, 80), [`${at(pod, 8080)} masqueraded`, at(remotePod, 8080)]);
    });

    test('node ports and load balancer addresses are masqueraded for all but pods of this node', async () => {
      const from = await ask([service('web', spec, [loadBalancer]), slice('web', [there(remotePod)])]);
      for (const [to, port] of [
        [node, 30000],
        [loadBalancer, 80],
      ] as const) {
        assert.deepEqual(from(outside, to, port), [`${at(remotePod, 8080)} masqueraded`]);
        assert.deepEqual(from(remotePod, to, port), [`${at(remotePod, 8080)} masqueraded`]);
        assert.deepEqual(from(pod, to, port), [at(remotePod, 8080)]);
      }
    });

    test('a node port is open at the node and nowhere else', async () => {
      const from = await ask([service('web', spec), slice('web', both)]);
      assert.deepEqual(from(pod, outside, 30000), [at(outside, 30000)]);
      assert.deepEqual(from(pod, remotePod, 30000), [at(remotePod, 30000)]);
      assert.deepEqual(from(outside, node, 30000, 'udp'), [at(node, 30000)]);
    });

    test('with external policy Local, outsiders reach local endpoints under their own address', async () => {
      const local = { ...spec, externalTrafficPolicy: 'Local' as const };
      const from = await ask([service('web', local, [loadBalancer]), slice('web', both)]);
      assert.deepEqual(from(outside, node, 30000), [at(pod, 8080)]);
      assert.deepEqual(from(outside, loadBalancer, 80), [at(pod, 8080)]);
      assert.deepEqual(from(node, loadBalancer, 80), hidden);
      assert.deepEqual(from(outside, vip, 80), hidden);
    });

    test('with external policy Local and no local endpoint, outsiders are dropped and insiders served', async () => {
      const local = { ...spec, externalTrafficPolicy: 'Local' as const };
      const from = await ask([service('web', local, [loadBalancer]), slice('web', [there(remotePod)])]);
      assert.deepEqual(from(outside, loadBalancer, 80), ['drop']);
      assert.deepEqual(from(pod, loadBalancer, 80), [at(remotePod, 8080)]);
    });

    test('with internal policy Local, a cluster IP leads to local endpoints', async () => {
      const local = { ...spec, internalTrafficPolicy: 'Local' as const };
      const from = await ask([service('web', local), slice('web', both)]);
      assert.deepEqual(from(remotePod, vip, 80), [at(pod, 8080)]);
      const none = await ask([service('web', local), slice('web', [there(remotePod)])]);
      assert.deepEqual(none(pod, vip, 80), ['drop']);
    });

    const limitedTo = (ranges: readonly string[], more: ServiceSpec = {}) =>
      service('web', { ...spec, ...more, loadBalancerSourceRanges: [...ranges] }, [loadBalancer]);
    const only = (ip: string) => `${ip}/${addresses.prefix}`;

    test('with session affinity, a client that is not known yet goes where any other does', async () => {
      const sticky = { ...spec, sessionAffinity: 'ClientIP' as const, externalTrafficPolicy: 'Local' as const };
      const from = await ask([service('web', sticky, [loadBalancer]), slice('web', both)]);
      assert.deepEqual(from(remotePod, vip, 80), toBoth);
      assert.deepEqual(from(pod, vip, 80), [`${at(pod, 8080)} masqueraded`, at(remotePod, 8080)]);
      assert.deepEqual(from(outside, node, 30000), [at(pod, 8080)]);
      assert.deepEqual(from(node, loadBalancer, 80), hidden);
      const none = await ask([service('web', sticky, [loadBalancer])]);
      assert.deepEqual(none(pod, vip, 80), ['reject']);
    });

    test('source ranges say who reaches the load balancer address: pods and the node are clients as well', async () => {
      const from = await ask([limitedTo([only(outside)]), slice('web', [here(pod)])]);
      assert.deepEqual(from(outside, loadBalancer, 80), [`${at(pod, 8080)} masqueraded`]);
      for (const who of [pod, remotePod, node]) assert.deepEqual(from(who, loadBalancer, 80), ['drop'], who);
      const inside = await ask([limitedTo([only(pod), only(node)]), slice('web', [here(pod)])]);
      assert.deepEqual(inside(outside, loadBalancer, 80), ['drop']);
      for (const who of [pod, node]) assert.deepEqual(inside(who, loadBalancer, 80), [`${at(pod, 8080)} masqueraded`]);
    });

    test('source ranges leave the cluster IP, the node port and external IPs open', async () => {
      const externalIPs = [addresses.elsewhere];
      const from = await ask([limitedTo([only(remotePod)], { externalIPs }), slice('web', [here(pod)])]);
      for (const [to, port] of [
        [vip, 80],
        [node, 30000],
        [addresses.elsewhere, 80],
      ] as const) {
        assert.deepEqual(from(outside, to, port), [`${at(pod, 8080)} masqueraded`]);
      }
      const both = await ask([
        limitedTo([only(remotePod)], { externalIPs: [loadBalancer] }),
        slice('web', [here(pod)]),
      ]);
      assert.deepEqual(both(outside, loadBalancer, 80), ['drop']);
    });

    test('source ranges come before the short cut of insiders to endpoints elsewhere', async () => {
      const local = { externalTrafficPolicy: 'Local' as const };
      const from = await ask([limitedTo([only(outside)], local), slice('web', both)]);
      assert.deepEqual(from(outside, loadBalancer, 80), [at(pod, 8080)]);
      assert.deepEqual(from(pod, loadBalancer, 80), ['drop']);
      assert.deepEqual(from(node, loadBalancer, 80), ['drop']);
    });

    test('source ranges of the other family let nobody in, and the range of all lets everyone in', async () => {
      const none = await ask([limitedTo([addresses.other]), slice('web', both)]);
      assert.deepEqual(none(outside, loadBalancer, 80), ['drop']);
      const all = await ask([limitedTo([addresses.everyone]), slice('web', [here(pod)])]);
      assert.deepEqual(all(outside, loadBalancer, 80), [`${at(pod, 8080)} masqueraded`]);
    });

    test('source ranges hold while nothing is ready: the others are not even refused', async () => {
      const from = await ask([limitedTo([only(outside)])]);
      assert.deepEqual(from(outside, loadBalancer, 80), ['reject']);
      assert.deepEqual(from(pod, loadBalancer, 80), ['drop']);
    });

    test('without endpoints, connections are refused, and so are other ports of the address', async () => {
      const from = await ask([service('web', spec, [loadBalancer])]);
      for (const who of [pod, node, outside]) {
        for (const [to, port] of [
          [vip, 80],
          [node, 30000],
          [loadBalancer, 80],
          [vip, 81],
          [loadBalancer, 22],
        ] as const) {
          assert.deepEqual(from(who, to, port), ['reject'], `${who} to ${to}:${port}`);
        }
      }
      assert.deepEqual(from(outside, node, 22), [at(node, 22)]);
    });

    test('an external IP that is the node’s own leaves its other ports alone', async () => {
      const from = await ask([service('web', { ...spec, externalIPs: [node] }), slice('web', [here(pod)])]);
      assert.deepEqual(from(outside, node, 80), [`${at(pod, 8080)} masqueraded`]);
      assert.deepEqual(from(outside, node, 22), [at(node, 22)]);
    });

    test('the same port of two protocols leads to two places', async () => {
      const ports = [
        { name: 'dns', port: 53, protocol: 'UDP' as const },
        { name: 'dns-tcp', port: 53, protocol: 'TCP' as const },
      ];
      const udp = slice('dns', [pod], { name: 'dns', protocol: 'UDP', port: 5353 });
      const tcp = slice('dns', [remotePod], { name: 'dns-tcp', protocol: 'TCP', port: 5354 });
      const from = await ask([service('dns', { clusterIPs: [vip], ports }), udp, tcp]);
      assert.deepEqual(from(remotePod, vip, 53, 'udp'), [at(pod, 5353)]);
      assert.deepEqual(from(pod, vip, 53, 'tcp'), [at(remotePod, 5354)]);
    });

    const localTo = (localPods: { kind: 'bridge'; name: string } | { kind: 'interface-prefix'; prefix: string }) =>
      localitiesOf({ podCIDRs: [], clusterCIDRs: [], localPods });

    test('pods of this node are known by their bridge, whatever their addresses', async () => {
      const objects = [service('web', spec, [loadBalancer]), slice('web', [there(remotePod)])];
      const from = await ask(objects, localTo({ kind: 'bridge', name: 'postern0' }));
      for (const to of [vip, loadBalancer]) {
        assert.deepEqual(from(addresses.elsewhere, to, 80, 'tcp', 'postern0'), [at(remotePod, 8080)]);
        for (const through of ['eth0', 'postern01']) {
          assert.deepEqual(from(pod, to, 80, 'tcp', through), [`${at(remotePod, 8080)} masqueraded`], through);
        }
        assert.deepEqual(from(node, to, 80), [`${at(remotePod, 8080)} masqueraded`]);
      }
    });

    test('pods of this node are known by how their interfaces are called', async () => {
      const local = { ...spec, externalTrafficPolicy: 'Local' as const };
      const objects = [service('web', local, [loadBalancer]), slice('web', [there(remotePod)])];
      const from = await ask(objects, localTo({ kind: 'interface-prefix', prefix: 'veth' }));
      assert.deepEqual(from(pod, loadBalancer, 80, 'tcp', 'veth12ab'), [at(remotePod, 8080)]);
      assert.deepEqual(from(pod, loadBalancer, 80), ['drop']);
    });

    test('pods elsewhere are known by their prefix, also where those of this node are known by their bridge', async () => {
      const localPods = { kind: 'bridge', name: 'postern0' } as const;
      const from = await ask([service('web', spec), slice('web', both)], localitiesOf({ ...CIDRS, localPods }));
      assert.deepEqual(from(remotePod, vip, 80), toBoth);
      assert.deepEqual(from(outside, vip, 80), hidden);
      assert.deepEqual(from(outside, vip, 80, 'tcp', 'postern0'), toBoth);
    });

    test('masqueradeAll leaves nobody their address but clients under policy Local', async () => {
      const localities = localitiesOf({ ...CIDRS, masqueradeAll: true });
      const from = await ask([service('web', spec, [loadBalancer]), slice('web', both)], localities);
      for (const to of [vip, loadBalancer]) {
        for (const who of [pod, remotePod, outside]) assert.deepEqual(from(who, to, 80), hidden, `${who} to ${to}`);
      }
      const local = { ...spec, externalTrafficPolicy: 'Local' as const };
      const kept = await ask([service('web', local, [loadBalancer]), slice('web', both)], localities);
      assert.deepEqual(kept(outside, loadBalancer, 80), [at(pod, 8080)]);
    });
  });
}

test('node ports on localhost are for the node alone: the wire brings nothing from or for loopback addresses', async () => {
  const spec = { clusterIPs: ['10.96.0.10'], type: 'NodePort' as const, ports: [{ port: 80, nodePort: 30000 }] };
  const objects = [service('web', spec), slice('web', ['10.244.1.5'])];
  const localities = localitiesOf({ ...CIDRS, localhostNodePorts: true });
  const from = await ask(objects, localities, [...NODE_ADDRESSES, '127.0.0.1']);
  assert.deepEqual(from('127.0.0.1', '127.0.0.1', 30000), ['10.244.1.5:8080 masqueraded']);
  assert.deepEqual(from('192.168.50.1', '192.168.50.1', 30000), ['10.244.1.5:8080 masqueraded']);
  assert.deepEqual(from('192.168.50.9', '127.0.0.1', 30000), ['drop']);
  assert.deepEqual(from('192.168.50.9', '127.0.0.1', 22), ['drop']);
  const forged = await ask(objects, localities, NODE_ADDRESSES);
  assert.deepEqual(forged('127.0.0.1', '192.168.50.1', 30000), ['drop']);
});
