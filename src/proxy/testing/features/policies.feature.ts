/** Who is served by which endpoints, and under which address: traffic policies and source ranges. */
import { CLIENT, PODS, REMOTE } from '../world/topology.ts';
import type { Case } from './case.ts';
import { feature } from './feature.ts';

const LOCAL = { externalTrafficPolicy: 'Local' } as const;

const hosts = (it: Case, ...of: readonly (typeof CLIENT)[]): string[] =>
  of.map(({ [it.family]: ip }) => `${ip}/${it.family === 'IPv4' ? 32 : 128}`);

export const policies = [
  feature('external policy Local: clients outside reach local endpoints and are seen as they are', async (it) => {
    await it.put(it.loadBalancer({ ...LOCAL, externalIPs: [it.virtualIP(1)] }), it.serves(['a1', 'b1']));
    const entrances = [
      [it.nodeIP, it.nodePort()],
      [it.virtualIP(), 80],
      [it.virtualIP(1), 80],
    ] as const;
    for (const to of entrances) {
      await it.expect('client', to, ['a1 saw client']);
      await it.expect('remote', to, ['a1 saw remote']);
    }
    await it.expect('client', [it.vip(), 80], ['a1 saw node1', 'b1 saw node1']);
  }),

  feature('external policy Local: pods and the node reach endpoints anywhere', async (it) => {
    await it.put(it.loadBalancer(LOCAL), it.serves(['a1', 'b1']));
    for (const to of [
      [it.nodeIP, it.nodePort()],
      [it.virtualIP(), 80],
    ] as const) {
      await it.expect('a2', to, ['a1 saw a2', 'b1 saw a2']);
      await it.expect('node1', to, ['a1 saw node1', 'b1 saw node1']);
    }
  }),

  feature('external policy Local without local endpoints: silence outside, service inside', async (it) => {
    await it.put(it.loadBalancer(LOCAL), it.serves(['b1']));
    for (const to of [
      [it.nodeIP, it.nodePort()],
      [it.virtualIP(), 80],
    ] as const) {
      await Promise.all([it.expectSilence('client', to), it.expectSilence('remote', to)]);
      await it.expect('a2', to, ['b1 saw a2']);
      await it.expect('node1', to, ['b1 saw node1']);
    }
  }),

  feature('external policy, switched live', async (it) => {
    const to = [it.nodeIP, it.nodePort()] as const;
    await it.put(it.loadBalancer(), it.serves(['a1', 'b1']));
    await it.expect('client', to, ['a1 saw node1', 'b1 saw node1']);
    await it.put(it.loadBalancer(LOCAL));
    await it.expect('client', to, ['a1 saw client']);
    await it.put(it.loadBalancer());
    await it.expect('client', to, ['a1 saw node1', 'b1 saw node1']);
  }),

  feature('internal policy Local: a cluster IP leads to local endpoints, other entrances to all', async (it) => {
    await it.put(it.loadBalancer({ internalTrafficPolicy: 'Local' }), it.serves(['a1', 'b1']));
    await it.expect('a2', [it.vip(), 80], ['a1 saw a2']);
    await it.expect('node1', [it.vip(), 80], ['a1 saw node1']);
    await it.expect('client', [it.nodeIP, it.nodePort()], ['a1 saw node1', 'b1 saw node1']);
  }),

  feature(
    'internal policy Local without local endpoints: silence, and a refusal when there are none at all',
    async (it) => {
      await it.put(it.service({ internalTrafficPolicy: 'Local' }), it.serves(['b1']));
      await it.expectSilence('a2', [it.vip(), 80]);
      await it.put(it.serves([]));
      await it.expect('a2', [it.vip(), 80], ['refused']);
    },
  ),

  feature('source ranges: a load balancer address takes connections from there, and silently no others', async (it) => {
    const loadBalancerSourceRanges = hosts(it, CLIENT, PODS.a2);
    await it.put(it.loadBalancer({ loadBalancerSourceRanges }), it.serves(['a1']));
    await it.expect('client', [it.virtualIP(), 80], ['a1 saw node1']);
    await it.expect('a2', [it.virtualIP(), 80], ['a1 saw a2']);
    await Promise.all((['remote', 'node1', 'a1'] as const).map((who) => it.expectSilence(who, [it.virtualIP(), 80])));
    await it.expect('remote', [it.nodeIP, it.nodePort()], ['a1 saw node1']);
    await it.expect('node1', [it.vip(), 80], ['a1 saw node1']);
  }),

  feature('source ranges with external policy Local, switched live', async (it) => {
    const limited = (...ranges: string[]) => it.loadBalancer({ ...LOCAL, loadBalancerSourceRanges: ranges });
    await it.put(limited(...hosts(it, CLIENT)), it.serves(['a1', 'b1']));
    await it.expect('client', [it.virtualIP(), 80], ['a1 saw client']);
    await it.expectSilence('remote', [it.virtualIP(), 80]);
    await it.put(limited(...hosts(it, REMOTE)));
    await it.expectSilence('client', [it.virtualIP(), 80]);
    await it.expect('remote', [it.virtualIP(), 80], ['a1 saw remote']);
    await it.put(limited());
    await it.expect('client', [it.virtualIP(), 80], ['a1 saw client']);
  }),
];
