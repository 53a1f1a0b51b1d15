/** Where connections come in, and from whom. */
import type { Service } from '../../../api/core/v1/service.ts';
import { GATEWAYS, NODES, PODS, PORTS, REMOTE } from '../world/topology.ts';
import { feature } from './feature.ts';

export const entrances = [
  feature('a cluster IP leads to every endpoint, from pods, the node and outside', async (it) => {
    await it.put(it.service(), it.serves(['a1', 'b1']));
    await it.expect('a2', [it.vip(), 80], ['a1 saw a2', 'b1 saw a2']);
    await it.expect('node1', [it.vip(), 80], ['a1 saw node1', 'b1 saw node1']);
    for (const outside of ['client', 'remote'] as const) {
      await it.expect(outside, [it.vip(), 80], ['a1 saw node1', 'b1 saw node1']);
    }
  }),

  feature('a node port leads to every endpoint, from outside, pods anywhere and the node itself', async (it) => {
    await it.put(it.loadBalancer(), it.serves(['a1', 'b1']));
    const to = [it.nodeIP, it.nodePort()] as const;
    for (const other of ['client', 'remote', 'node1', 'b2'] as const) {
      await it.expect(other, to, ['a1 saw node1', 'b1 saw node1']);
    }
    await it.expect('a2', to, ['a1 saw a2', 'b1 saw a2']);
  }),

  feature('a node port is open at the node’s primary addresses and nowhere else', async (it) => {
    await it.put(it.loadBalancer(), it.serves(['a1']));
    for (const { [it.family]: host } of [NODES.node2, PODS.b1, GATEWAYS.node1]) {
      await it.expect('a2', [host, it.nodePort()], ['refused']);
    }
    await it.expect('node1', [it.loopback, it.nodePort()], ['refused']);
    await it.expect('client', [it.nodeIP, it.nodePort()], ['refused'], { protocol: 'udp' });
  }),

  feature('a load balancer address leads to every endpoint, from outside and by a short cut inside', async (it) => {
    await it.put(it.loadBalancer(), it.serves(['a1', 'b1']));
    const to = [it.virtualIP(), 80] as const;
    for (const other of ['client', 'remote', 'node1'] as const) {
      await it.expect(other, to, ['a1 saw node1', 'b1 saw node1']);
    }
    await it.expect('a2', to, ['a1 saw a2', 'b1 saw a2']);
  }),

  feature('a load balancer address of ipMode Proxy is left to the load balancer', async (it) => {
    const port = PORTS[1];
    const ports = [{ port, nodePort: it.nodePort() }];
    const ingress = (ipMode: string) => ({ loadBalancer: { ingress: [{ ip: REMOTE[it.family], ipMode }] } });
    const balanced = it.service({ type: 'LoadBalancer', ports });
    const withStatus = (ipMode: string): Service => ({ ...balanced, status: ingress(ipMode) });
    await it.put(withStatus('VIP'), it.serves(['a1']));
    await it.expect('node1', [REMOTE[it.family], port], ['a1 saw node1']);
    await it.put(withStatus('Proxy'));
    await it.expect('node1', [REMOTE[it.family], port], [`remote:${port} saw node1`]);
    await it.expect('client', [it.nodeIP, it.nodePort()], ['a1 saw node1']);
  }),

  feature('an external IP leads to every endpoint', async (it) => {
    await it.put(it.service({ externalIPs: [it.virtualIP()] }), it.serves(['a1', 'b1']));
    for (const other of ['client', 'node1'] as const) {
      await it.expect(other, [it.virtualIP(), 80], ['a1 saw node1', 'b1 saw node1']);
    }
    await it.expect('a2', [it.virtualIP(), 80], ['a1 saw a2', 'b1 saw a2']);
  }),

  feature('an external IP that is the node’s own leaves its other ports to the node', async (it) => {
    const port = it.nodePort(7);
    await it.put(it.service({ externalIPs: [it.nodeIP], ports: [{ port }] }), it.serves(['a1']));
    await it.expect('client', [it.nodeIP, port], ['a1 saw node1']);
    await it.expect('client', [it.nodeIP, PORTS[0]], ['node1 saw client']);
  }),

  feature('a pod that reaches itself sees the node: by cluster IP, node port and load balancer address', async (it) => {
    await it.put(it.loadBalancer(), it.serves(['a1']));
    for (const to of [
      [it.vip(), 80],
      [it.nodeIP, it.nodePort()],
      [it.virtualIP(), 80],
    ] as const) {
      await it.expect('a1', to, ['a1 saw node1']);
    }
  }),

  feature('an endpoint on the node’s own network is reached from pods, outside and the node', async (it) => {
    const endpoint = { addresses: [it.nodeIP], nodeName: 'node1' };
    await it.put(it.loadBalancer(), it.serves([endpoint]));
    await it.expect('a1', [it.vip(), 80], ['node1 saw a1']);
    for (const to of [
      [it.vip(), 80],
      [it.nodeIP, it.nodePort()],
    ] as const) {
      for (const who of ['client', 'node1'] as const) {
        assertBy('node1', await it.ask(who, to));
      }
    }
  }),
];

/** Whoever was seen: what leaves for this node itself never needs to come back by another way. */
function assertBy(name: string, answer: string): void {
  if (!answer.startsWith(`${name} saw `)) throw new Error(`${name} did not answer: ${answer}`);
}
