/** Session affinity: a client stays with its endpoint. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { MORE_CLIENTS } from '../world/topology.ts';
import type { Asking, Case, Destination } from './case.ts';
import { feature } from './feature.ts';

/** Clients by number: so many that drawing one of four endpoints for each twice gives the same once in 4 billion times. */
const CLIENTS = MORE_CLIENTS.map((_, number) => number);

const sticky = (it: Case, timeoutSeconds = 10800) =>
  it.loadBalancer({ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds } } });

/** Who answers each client now. */
function answersNow(it: Case, to: Destination, asking: Asking = {}): Promise<readonly string[]> {
  const ask = async (number: number) => {
    const localAddress = MORE_CLIENTS[number]?.[it.family] ?? '';
    return (await it.ask('client', to, { ...asking, localAddress })).replace(/ saw .*/, '');
  };
  return Promise.all(CLIENTS.map(ask));
}

/** Who answers each client, the same one every time; fails when one of them changes. */
async function expectSticky(it: Case, to: Destination, asking: Asking = {}): Promise<readonly string[]> {
  const first = await answersNow(it, to, asking);
  for (let again = 0; again < 5; again++) assert.deepEqual(await answersNow(it, to, asking), first);
  return first;
}

/** Fails when each client has the same endpoint as before. */
async function expectSpread(it: Case, to: Destination): Promise<void> {
  const first = await answersNow(it, to);
  assert.notDeepEqual(await answersNow(it, to), first);
}

/** Fails when these are not the endpoints that clients at some entrances have, taken together. */
function expectAll(endpoints: readonly string[], answers: readonly (readonly string[])[]): void {
  assert.deepEqual([...new Set(answers.flat())].sort(), endpoints);
}

export const affinity = [
  feature('session affinity ClientIP: each client stays with one endpoint, at every entrance', async (it) => {
    await it.put(sticky(it), it.serves(['a1', 'b1']));
    const entrances = [
      [it.vip(), 80],
      [it.nodeIP, it.nodePort()],
      [it.virtualIP(), 80],
    ] as const;
    expectAll(['a1', 'b1'], await Promise.all(entrances.map((to) => expectSticky(it, to))));
  }),

  ...(['UDP', 'SCTP'] as const).map((name) =>
    feature(`session affinity ClientIP over ${name}`, async (it) => {
      const protocol = name.toLowerCase() as Lowercase<typeof name>;
      const ports = [{ port: 53, protocol: name, nodePort: it.nodePort() }];
      const served = it.loadBalancer({ sessionAffinity: 'ClientIP', ports });
      await it.put(served, it.serves(['a1', 'b1'], { protocol: name }));
      const entrances = [
        [it.vip(), 53],
        [it.nodeIP, it.nodePort()],
      ] as const;
      expectAll(['a1', 'b1'], await Promise.all(entrances.map((to) => expectSticky(it, to, { protocol }))));
    }),
  ),

  feature('session affinity, switched live: on, off and on again', async (it) => {
    const to = [it.vip(), 80] as const;
    await it.put(it.loadBalancer(), it.serves(['a1', 'a2', 'b1', 'b2']));
    await expectSpread(it, to);
    await it.put(sticky(it));
    await expectSticky(it, to);
    await it.put(it.loadBalancer());
    await expectSpread(it, to);
    await it.put(sticky(it, 60));
    await expectSticky(it, to);
    await it.put(sticky(it, 120));
    await expectSticky(it, to);
  }),

  feature('session affinity ends when the client was away for its timeout, and not before', async (it) => {
    const to = [it.vip(), 80] as const;
    await it.put(sticky(it, 2), it.serves(['a1', 'a2', 'b1', 'b2']));
    const first = await answersNow(it, to);
    for (let round = 0; round < 4; round++) {
      const since = performance.now();
      await sleep(700);
      const answers = await answersNow(it, to);
      // A busy machine may let the time pass by itself.
      if (performance.now() - since > 1800) return;
      assert.deepEqual(answers, first, `${round + 1}`);
    }
    await sleep(3000);
    assert.notDeepEqual(await answersNow(it, to), first);
  }),

  feature('session affinity to an endpoint that goes is forgotten; to one that stays, it is kept', async (it) => {
    const to = [it.vip(), 80] as const;
    await it.put(sticky(it), it.serves(['a1', 'b1']));
    const first = await expectSticky(it, to);
    await it.put(it.serves(['b2', 'a2', 'b1']));
    const second = await expectSticky(it, to);
    for (const number of CLIENTS) {
      if (first[number] === 'b1') assert.equal(second[number], 'b1');
      else assert.notEqual(second[number], 'a1');
    }
    await it.put(it.serves(['a1', 'b2', 'a2', 'b1']));
    assert.deepEqual(await expectSticky(it, to), second);
  }),

  feature(
    'session affinity with external policy Local: to local endpoints, and clients keep their address',
    async (it) => {
      const service = sticky(it);
      const spec = { ...service.spec, externalTrafficPolicy: 'Local' as const };
      await it.put({ ...service, spec } as typeof service, it.serves(['a1', 'a2', 'b1']));
      const entrances = [
        [it.nodeIP, it.nodePort()],
        [it.virtualIP(), 80],
      ] as const;
      expectAll(['a1', 'a2'], await Promise.all(entrances.map((to) => expectSticky(it, to))));
      const localAddress = MORE_CLIENTS[3]?.[it.family] ?? '';
      assert.match(await it.ask('client', entrances[0], { localAddress }), / saw client-3$/);
    },
  ),
];
