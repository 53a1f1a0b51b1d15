/** Endpoints that are close: hints in slices, as Kubernetes 1.34 reads them. */
import type { PodName } from '../world/topology.ts';
import type { Case } from './case.ts';
import { feature } from './feature.ts';
import { ZONE } from './node-under-test.ts';

const ELSEWHERE = 'another-zone';

const forZone = (it: Case, pod: PodName, ...zones: string[]) =>
  it.endpoint(pod, { hints: { forZones: zones.map((name) => ({ name })) } });
const forNode = (it: Case, pod: PodName, node: string, zone: string) =>
  it.endpoint(pod, { hints: { forNodes: [{ name: node }], forZones: [{ name: zone }] } });

export const closeness = [
  ...['PreferClose', 'PreferSameZone'].map((trafficDistribution) =>
    feature(`${trafficDistribution}: connections stay in the node’s zone`, async (it) => {
      await it.put(
        it.loadBalancer({ trafficDistribution }),
        it.serves([forZone(it, 'a1', ZONE), forZone(it, 'b1', ZONE), forZone(it, 'b2', ELSEWHERE)]),
      );
      await it.expect('a2', [it.vip(), 80], ['a1 saw a2', 'b1 saw a2']);
      await it.expect('client', [it.nodeIP, it.nodePort()], ['a1 saw node1', 'b1 saw node1']);
    }),
  ),

  feature('PreferSameNode: connections stay on the node, and go elsewhere once it has no endpoint', async (it) => {
    const here = forNode(it, 'a1', 'node1', ZONE);
    const there = forNode(it, 'b1', 'node2', ZONE);
    await it.put(it.service({ trafficDistribution: 'PreferSameNode' }), it.serves([here, there]));
    await it.expect('a2', [it.vip(), 80], ['a1 saw a2']);
    await it.put(it.serves([there]));
    await it.expect('a2', [it.vip(), 80], ['b1 saw a2']);
  }),

  feature('hints are ignored while an endpoint lacks them, or the node’s zone has none', async (it) => {
    const service = it.service({ trafficDistribution: 'PreferClose' });
    await it.put(service, it.serves([forZone(it, 'a1', ZONE), 'b1']));
    await it.expect('a2', [it.vip(), 80], ['a1 saw a2', 'b1 saw a2']);
    await it.put(it.serves([forZone(it, 'b1', ELSEWHERE), forZone(it, 'b2', ELSEWHERE)]));
    await it.expect('a2', [it.vip(), 80], ['b1 saw a2', 'b2 saw a2']);
    await it.put(it.serves([forZone(it, 'b1', ELSEWHERE), forZone(it, 'b2', ELSEWHERE), forZone(it, 'a1', ZONE)]));
    await it.expect('a2', [it.vip(), 80], ['a1 saw a2']);
  }),

  feature('traffic policy Local comes before hints', async (it) => {
    const service = it.loadBalancer({ trafficDistribution: 'PreferClose', externalTrafficPolicy: 'Local' });
    await it.put(service, it.serves([forZone(it, 'a1', ELSEWHERE), forZone(it, 'b1', ZONE)]));
    await it.expect('client', [it.nodeIP, it.nodePort()], ['a1 saw client']);
    await it.expect('a2', [it.vip(), 80], ['b1 saw a2']);
  }),
];
