/** Packets that connection tracking calls invalid. */
import assert from 'node:assert/strict';
import { CLIENT, PODS, PORTS, REMOTE } from '../world/topology.ts';
import { feature } from './feature.ts';

export const strays = [
  feature('packets that belong to no connection are not passed on', async (it) => {
    const to = CLIENT[it.family];
    const dport = it.localPort();
    const stray = { to, dport, sport: PORTS[0] };
    await it.world.tell('client', { kind: 'watch-strays', family: it.family, port: dport });
    await it.world.tell('a1', { kind: 'send-stray', stray: { ...stray, from: PODS.a1[it.family] } });
    // This one does not pass the node under test: it arrives, and behind the other.
    await it.ask('a1', [it.nodeIP, PORTS[0]]);
    await it.world.tell('remote', { kind: 'send-stray', stray: { ...stray, from: REMOTE[it.family] } });
    const seen = async () =>
      String(await it.world.tell('client', { kind: 'count-strays', family: it.family, port: dport }));
    await it.eventually('1', seen);
    assert.equal(await seen(), '1');
  }),
];
