/** Which endpoints take connections, and what happens when there is none. */
import assert from 'node:assert/strict';
import { PORTS } from '../world/topology.ts';
import { feature } from './feature.ts';

const DRAINING = { ready: false, serving: true, terminating: true } as const;
const ENDING = { ready: false, serving: false, terminating: true } as const;
const NOT_READY = { ready: false, serving: false, terminating: false } as const;

export const endpoints = [
  feature('without endpoints, connections are refused at once, wherever they come from', async (it) => {
    await it.put(it.loadBalancer());
    const started = performance.now();
    for (const who of ['a1', 'b1', 'node1', 'client', 'remote'] as const) {
      await it.expect(who, [it.nodeIP, it.nodePort()], ['refused']);
      await it.expect(who, [it.virtualIP(), 80], ['refused']);
    }
    for (const who of ['a1', 'node1', 'client'] as const) await it.expect(who, [it.vip(), 80], ['refused']);
    // Each would wait for seconds, were it not told.
    assert(performance.now() - started < 10_000, 'they took their time');
  }),

  ...(['UDP', 'SCTP'] as const).map((name) =>
    feature(`without endpoints, ${name} is refused by an ICMP message`, async (it) => {
      const protocol = name.toLowerCase() as Lowercase<typeof name>;
      await it.put(it.loadBalancer({ ports: [{ port: 80, protocol: name, nodePort: it.nodePort() }] }));
      for (const who of ['a1', 'node1', 'client'] as const) {
        await it.expect(who, [it.vip(), 80], ['refused'], { protocol });
        await it.expect(who, [it.nodeIP, it.nodePort()], ['refused'], { protocol });
      }
    }),
  ),

  feature('other ports of a Service’s own addresses are refused', async (it) => {
    await it.put(it.loadBalancer(), it.serves(['a1']));
    for (const who of ['a2', 'node1', 'client'] as const) {
      await it.expect(who, [it.vip(), 81], ['refused']);
      await it.expect(who, [it.virtualIP(), 22], ['refused']);
    }
  }),

  feature('endpoints come and go: each change is for the next connection', async (it) => {
    await it.put(it.service(), it.serves(['a1']));
    await it.expect('a2', [it.vip(), 80], ['a1 saw a2']);
    await it.put(it.serves(['b1', 'b2', 'a1']));
    await it.expect('a2', [it.vip(), 80], ['a1 saw a2', 'b1 saw a2', 'b2 saw a2']);
    await it.put(it.serves(['b2']));
    await it.expect('a2', [it.vip(), 80], ['b2 saw a2']);
    await it.put(it.serves([]));
    await it.expect('a2', [it.vip(), 80], ['refused']);
    await it.put(it.serves(['a1']));
    await it.expect('a2', [it.vip(), 80], ['a1 saw a2']);
  }),

  feature('while endpoints change all the time, every connection is served by one of them', async (it) => {
    const sets = [['a1'], ['a1', 'b1', 'b2'], ['b1', 'a1'], ['b2', 'b1', 'a1'], ['b2']] as const;
    await it.put(it.loadBalancer(), it.serves(sets[0]));
    const churn = async () => {
      for (let round = 0; round < 25; round++) await it.put(it.serves(sets[round % sets.length] ?? sets[0]));
    };
    const churning = churn();
    const [inside, outside] = await Promise.all([
      it.during('a2', [it.vip(), 80], () => churning),
      it.during('client', [it.nodeIP, it.nodePort()], () => churning),
    ]);
    // Whom they happen to meet is chance; that they meet nobody else is not.
    for (const answer of inside) assert.match(answer, /^(a1|b1|b2) saw a2$/);
    for (const answer of outside) assert.match(answer, /^(a1|b1|b2) saw node1$/);
  }),

  feature('endpoints that are not ready take no connections', async (it) => {
    await it.put(it.service(), it.serves(['a1', it.endpoint('b1', { conditions: NOT_READY })]));
    await it.expect('a2', [it.vip(), 80], ['a1 saw a2']);
    await it.put(it.serves([it.endpoint('b1', { conditions: NOT_READY })]));
    await it.expect('a2', [it.vip(), 80], ['refused']);
  }),

  feature('terminating endpoints that still serve stand in while no other is ready', async (it) => {
    const draining = it.endpoint('a1', { conditions: DRAINING });
    const ending = it.endpoint('b2', { conditions: ENDING });
    await it.put(it.service(), it.serves(['b1', draining, ending]));
    await it.expect('a2', [it.vip(), 80], ['b1 saw a2']);
    await it.put(it.serves([draining, ending]));
    await it.expect('a2', [it.vip(), 80], ['a1 saw a2']);
    await it.put(it.serves([ending]));
    await it.expect('a2', [it.vip(), 80], ['refused']);
  }),

  feature(
    'terminating endpoints stand in on their node for policy Local, though others are ready elsewhere',
    async (it) => {
      const draining = it.endpoint('a1', { conditions: DRAINING });
      await it.put(it.loadBalancer({ externalTrafficPolicy: 'Local' }), it.serves(['b1', draining]));
      await it.expect('client', [it.nodeIP, it.nodePort()], ['a1 saw client']);
      await it.expect('a2', [it.vip(), 80], ['b1 saw a2']);
      await it.put(it.serves(['b1', 'a2', draining]));
      await it.expect('client', [it.nodeIP, it.nodePort()], ['a2 saw client']);
    },
  ),

  feature('publishNotReadyAddresses: what its slices call ready is served, even when it ends', async (it) => {
    const conditions = { ready: true, serving: false, terminating: true };
    await it.put(it.service({ publishNotReadyAddresses: true }), it.serves(['a1', it.endpoint('b1', { conditions })]));
    await it.expect('a2', [it.vip(), 80], ['a1 saw a2', 'b1 saw a2']);
  }),

  feature('a Service that goes leaves nothing, and comes back as it then is', async (it) => {
    const served = it.loadBalancer();
    await it.put(served, it.serves(['a1']));
    await it.expect('client', [it.virtualIP(), 80], ['a1 saw node1']);
    await it.remove(served);
    await it.expectUnserved('client', [it.virtualIP(), 80]);
    await it.expect('client', [it.nodeIP, it.nodePort()], ['refused']);
    await it.put(served);
    await it.expect('client', [it.virtualIP(), 80], ['a1 saw node1']);
  }),

  feature('headless Services and those of type ExternalName are not served', async (it) => {
    const external = { type: 'ExternalName', externalName: 'example.org' } as const;
    const port = it.nodePort(7);
    const common = { externalIPs: [it.nodeIP], ports: [{ port }] };
    await it.put(it.service({ ...common, clusterIP: 'None', clusterIPs: ['None'] }), it.serves(['a1']));
    await it.expect('client', [it.nodeIP, port], ['refused']);
    await it.put(it.service({ ...common, ...external, clusterIPs: [] }));
    await it.expect('client', [it.nodeIP, port], ['refused']);
    await it.put(it.service(common));
    await it.expect('client', [it.nodeIP, port], ['a1 saw node1']);
  }),

  ...['service.kubernetes.io/service-proxy-name', 'service.kubernetes.io/headless'].map((label) =>
    feature(`a Service with the label ${label} is left to others, until the label goes`, async (it) => {
      const served = it.loadBalancer();
      const labelled = { ...served, metadata: { ...served.metadata, labels: { [label]: '' } } };
      await it.put(labelled, it.serves(['a1']));
      await it.expect('client', [it.nodeIP, it.nodePort()], ['refused']);
      await it.expectUnserved('a2', [it.vip(), 80]);
      await it.put(served);
      await it.expect('client', [it.nodeIP, it.nodePort()], ['a1 saw node1']);
      await it.put(labelled);
      await it.expect('client', [it.nodeIP, it.nodePort()], ['refused']);
    }),
  ),

  feature('two Services that claim one address and port: the older has it, then the other', async (it) => {
    const claim = { externalIPs: [it.virtualIP()] };
    const older = it.service(claim, 0);
    const newer = it.service(claim, 1);
    const later = { ...newer, metadata: { ...newer.metadata, creationTimestamp: '2026-02-01T00:00:00Z' } };
    await it.put(later, it.serves(['b1'], {}, 1), older, it.serves(['a1'], {}, 0));
    await it.expect('client', [it.virtualIP(), 80], ['a1 saw node1']);
    await it.remove(older);
    await it.expect('client', [it.virtualIP(), 80], ['b1 saw node1']);
  }),

  feature('endpoints at loopback, link-local and multicast addresses are never forwarded to', async (it) => {
    const forbidden = it.family === 'IPv4' ? ['127.0.0.1', '169.254.1.1', '224.0.0.1'] : ['::1', 'fe80::1', 'ff02::1'];
    const bad = forbidden.map((ip) => ({ addresses: [ip], nodeName: 'node1' }));
    await it.put(it.loadBalancer(), it.serves(['a1', ...bad]));
    await it.expect('client', [it.nodeIP, it.nodePort()], ['a1 saw node1'], { times: 30 });
    await it.put(it.serves(bad));
    await it.expect('client', [it.nodeIP, it.nodePort()], ['refused']);
    await it.expect('client', [it.nodeIP, PORTS[0]], ['node1 saw client']);
  }),
];
