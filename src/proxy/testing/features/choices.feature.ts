/** What a proxy that is set up otherwise does otherwise. */
import { GATEWAYS } from '../world/topology.ts';
import { feature } from './feature.ts';

export const choices = [
  ...(['bridge', 'interface prefix'] as const).map((setting) =>
    feature(
      `pods known by their ${setting}: they keep their address, all others are masqueraded`,
      async (it) => {
        await it.put(it.loadBalancer(), it.serves(['a1', 'b1']));
        for (const to of [
          [it.vip(), 80],
          [it.nodeIP, it.nodePort()],
          [it.virtualIP(), 80],
        ] as const) {
          await it.expect('a2', to, ['a1 saw a2', 'b1 saw a2']);
          await it.expect('a1', to, ['a1 saw node1', 'b1 saw a1']);
          await it.expect('client', to, ['a1 saw node1', 'b1 saw node1']);
          await it.expect('node1', to, ['a1 saw node1', 'b1 saw node1']);
        }
      },
      setting,
    ),
  ),

  ...(['bridge', 'interface prefix'] as const).map((setting) =>
    feature(
      `pods known by their ${setting}: with policy Local, they reach endpoints anywhere and outsiders do not`,
      async (it) => {
        await it.put(it.loadBalancer({ externalTrafficPolicy: 'Local' }), it.serves(['b1']));
        await it.expect('a2', [it.virtualIP(), 80], ['b1 saw a2']);
        await it.expectSilence('client', [it.virtualIP(), 80]);
      },
      setting,
    ),
  ),

  feature(
    'masqueradeAll: everyone is seen as the node, but for what policy Local leaves its address',
    async (it) => {
      await it.put(it.loadBalancer(), it.serves(['a1', 'b1']));
      for (const to of [
        [it.vip(), 80],
        [it.nodeIP, it.nodePort()],
      ] as const) {
        await it.expect('a2', to, ['a1 saw node1', 'b1 saw node1']);
        await it.expect('client', to, ['a1 saw node1', 'b1 saw node1']);
      }
      await it.put(it.loadBalancer({ externalTrafficPolicy: 'Local' }));
      await it.expect('client', [it.nodeIP, it.nodePort()], ['a1 saw client']);
    },
    'masquerade all',
  ),

  feature(
    'nodePortAddresses: node ports are open at the addresses within them, and at no others',
    async (it) => {
      await it.put(it.loadBalancer(), it.serves(['a1']));
      await it.expect('a2', [GATEWAYS.node1[it.family], it.nodePort()], ['a1 saw a2']);
      await it.expect('client', [it.nodeIP, it.nodePort()], ['refused']);
    },
    'node port addresses',
  ),

  feature(
    'node ports on localhost: for the node itself, over IPv4',
    async (it) => {
      await it.put(it.loadBalancer(), it.serves(['a1', 'b1']));
      const served = it.family === 'IPv4' ? ['a1 saw node1', 'b1 saw node1'] : ['refused'];
      await it.expect('node1', [it.loopback, it.nodePort()], served);
      await it.expect('client', [it.nodeIP, it.nodePort()], ['a1 saw node1', 'b1 saw node1']);
      await it.expect('a2', [it.nodeIP, it.nodePort()], ['a1 saw a2', 'b1 saw a2']);
    },
    'localhost',
  ),
];
