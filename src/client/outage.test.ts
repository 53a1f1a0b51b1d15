import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lease } from '../api/coordination/v1/lease.ts';
import { Pod } from '../api/core/v1/pod.ts';
import { Service } from '../api/core/v1/service.ts';
import { FakeClock } from '../host/clock.ts';
import { silentLogger } from '../host/log.ts';
import { TransportError } from './client.ts';
import { fakeClient } from './fake.ts';
import { Informer } from './informer.ts';
import { Outage, outageOf } from './outage.ts';
import { settle } from './testing.ts';

function world() {
  const lines: [string, object][] = [];
  const note = (fields: object, message: string) => lines.push([message, fields]);
  const log = { ...silentLogger, warn: note, info: note };
  return { clock: new FakeClock(), log, lines };
}

const BEGAN = 'cannot follow the API; retrying';
const OVER = 'following the API again';

test('an outage is told once when it begins, and once when nobody fails any more, with how long it was', async () => {
  const { clock, log, lines } = world();
  const outage = new Outage(clock);
  const [one, two] = [{ log }, { log }];
  outage.follows(one);
  outage.failed(one, 'a: refused');
  await clock.advance(1000);
  outage.failed(two, 'a: refused');
  outage.failed(one, 'a: refused');
  await clock.advance(1540);
  outage.follows(one);
  assert.deepEqual(lines, [[BEGAN, { reason: 'a: refused' }]]);
  outage.follows(two);
  outage.follows(two);
  assert.deepEqual(lines.splice(0), [
    [BEGAN, { reason: 'a: refused' }],
    [OVER, { seconds: 2.5 }],
  ]);
  outage.failed(two, 'b: refused');
  assert.deepEqual(lines, [[BEGAN, { reason: 'b: refused' }]]);
});

test('who ends in the middle of an outage keeps its end from nobody', () => {
  const { clock, log, lines } = world();
  const outage = new Outage(clock);
  const [one, two] = [{ log }, { log }];
  outage.failed(one, 'a');
  outage.failed(two, 'a');
  outage.left(one);
  outage.follows(two);
  assert.deepEqual(
    lines.map(([message]) => message),
    [BEGAN, OVER],
  );
});

test('informers of one client tell of one outage, though no object changes afterwards; those of another of their own', async () => {
  const { clock, log, lines } = world();
  const ended = new AbortController();
  const client = fakeClient();
  const parts = { client, log, clock };
  const informers = [
    new Informer({ ...parts, kind: Lease }),
    new Informer({ ...parts, kind: Pod }),
    new Informer({ ...parts, kind: Service }),
  ];
  for (const informer of informers) informer.start(ended.signal);
  await Promise.all(informers.map(({ synced }) => synced));
  const down = new TransportError(
    'GET /x: cannot talk to the API server at https://192.0.2.1:6443: connect ECONNREFUSED',
  );
  client.failWith(() => down);
  client.disconnect();
  await settle();
  for (let i = 0; i < 10; i++) {
    await clock.advance(1000);
    await settle();
  }
  assert.deepEqual(lines, [[BEGAN, { reason: down.message }]]);
  client.failWith(undefined);
  for (let i = 0; i < 5; i++) {
    await clock.advance(1000);
    await settle();
  }
  assert.deepEqual(
    lines.map(([message]) => message),
    [BEGAN, OVER],
  );
  assert.notEqual(outageOf(client, clock), outageOf(fakeClient(), clock));
  assert.equal(outageOf(client, clock), outageOf(client, clock));
  ended.abort();
});
