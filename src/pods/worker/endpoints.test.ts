import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { fakeClient } from '../../client/fake.ts';
import { Informer } from '../../client/informer.ts';
import { settle } from '../../client/testing.ts';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { EndpointDrain } from './endpoints.ts';

const UID = 'web-uid';
type Conditions = { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };

function slice(name: string, conditions: Conditions): EndpointSlice {
  const targetRef = { kind: 'Pod', name: 'web', namespace: 'default', uid: UID };
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: 'default' },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.244.0.2'], conditions, targetRef, nodeName: 'node1' }],
  } as EndpointSlice;
}

async function setup(...slices: readonly EndpointSlice[]) {
  return setupWith(undefined, ...slices);
}

async function setupWith(forwarded: (() => Promise<void>) | undefined, ...slices: readonly EndpointSlice[]) {
  const clock = new FakeClock(1000);
  const client = fakeClient(slices, { clock });
  const informer = new Informer({ client, kind: EndpointSlice, log: silentLogger, clock });
  const drain = new EndpointDrain({ slices: informer, nodeName: 'node1', clock, ...(forwarded && { forwarded }) });
  const ended = new AbortController();
  informer.start(ended.signal);
  await informer.synced;
  const wait = (limit: number, signal = ended.signal) => {
    let isOver = false;
    void drain.untilDrained(UID, limit, signal).then(() => {
      isOver = true;
    });
    return () => isOver;
  };
  /** Fails unless the wait is over after so many milliseconds, and not before. */
  const assertTakes = async (isOver: () => boolean, milliseconds: number) => {
    await clock.advance(milliseconds - 1);
    await settle();
    assert.equal(isOver(), false, `before ${milliseconds}`);
    await clock.advance(1);
    await settle();
    assert.equal(isOver(), true, `after ${milliseconds}`);
  };
  return { clock, client, ended, wait, assertTakes };
}

describe('waiting until nobody sends a pod anything new', () => {
  it('takes no time for a pod that is no endpoint', async () => {
    const { wait, ended } = await setup();
    const isOver = wait(15_000);
    await settle();
    assert.equal(isOver(), true);
    ended.abort();
  });

  it('lasts until every endpoint of the pod says that it terminates, and proxies had time to act on that', async () => {
    const { client, clock, wait, ended, assertTakes } = await setup(
      slice('a', { ready: true }),
      slice('b', { ready: true }),
    );
    const isOver = wait(15_000);
    await clock.advance(50);
    await settle();
    client.seed(slice('a', { ready: false, serving: true, terminating: true }));
    await clock.advance(50);
    await settle();
    assert.equal(isOver(), false);
    client.seed(slice('b', { ready: false, serving: true, terminating: true }));
    await settle();
    assert.equal(isOver(), false);
    await assertTakes(isOver, 1200);
    ended.abort();
  });

  it('gives proxies more time where the news took long to come, as all of them are slow then', async () => {
    const { client, clock, wait, ended, assertTakes } = await setup(slice('a', { ready: true }));
    const isOver = wait(15_000);
    await clock.advance(800);
    client.seed(slice('a', { ready: false, serving: true, terminating: true }));
    await settle();
    await assertTakes(isOver, 2400);
    ended.abort();
  });

  it('remembers for the next pods that it took long, and forgets that by and by', async () => {
    const { client, clock, wait, ended, assertTakes } = await setup(slice('a', { ready: true }));
    const isFirstOver = wait(15_000);
    await clock.advance(1600);
    client.seed(slice('a', { ready: false, serving: true, terminating: true }));
    await settle();
    for (const least of [4800, 2400, 1200, 1200]) {
      const isOver = least === 4800 ? isFirstOver : wait(15_000);
      await settle();
      await assertTakes(isOver, least);
    }
    ended.abort();
  });

  it('lasts until this node’s own proxy has acted, however slow it is, and no longer than its limit', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const ending = slice('a', { ready: false, serving: true, terminating: true });
    const { wait, ended, assertTakes } = await setupWith(() => promise, ending);
    const isCutOver = wait(2000);
    const isOver = wait(15_000);
    await settle();
    await assertTakes(isCutOver, 2000);
    assert.equal(isOver(), false);
    resolve();
    await settle();
    assert.equal(isOver(), true);
    ended.abort();
  });

  it('counts an endpoint that is published although it is not ready as out once it terminates', async () => {
    const { clock, wait, ended } = await setup(slice('a', { ready: true, terminating: true }));
    const isOver = wait(15_000);
    await settle();
    await clock.advance(1200);
    await settle();
    assert.equal(isOver(), true);
    ended.abort();
  });

  it('ends with a slice that goes', async () => {
    const { client, clock, wait, ended } = await setup(slice('a', { ready: true }));
    const isOver = wait(15_000);
    await settle();
    client.remove(EndpointSlice, { namespace: 'default', name: 'a' });
    await settle();
    await clock.advance(1200);
    await settle();
    assert.equal(isOver(), true);
    ended.abort();
  });

  it('ends after its limit, however slow the others are, and with the signal', async () => {
    const { wait, ended, assertTakes } = await setup(slice('a', { ready: true }));
    const isOver = wait(2000);
    const cut = new AbortController();
    await settle();
    await assertTakes(isOver, 2000);
    const isCut = wait(2000, cut.signal);
    await settle();
    cut.abort();
    await settle();
    assert.equal(isCut(), true);
    ended.abort();
  });
});
