import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Secret } from '../../api/core/v1/secret.ts';
import { failure } from '../../api/status.ts';
import { type FakeClient, fakeClient } from '../../client/fake.ts';
import { settle } from '../../client/testing.ts';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { HEARTBEAT_SECRET, HeartbeatKeys } from './keys.ts';

const text = (secret: Uint8Array) => Buffer.from(secret).toString();
const A = 'a'.repeat(32);
const B = 'b'.repeat(32);
const secret = (data: Readonly<Record<string, string>>): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { ...HEARTBEAT_SECRET },
  data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
});

function world(client: FakeClient = fakeClient([]), file?: string) {
  const clock = new FakeClock();
  const ended = new AbortController();
  const told: Uint8Array[][] = [];
  const keys = new HeartbeatKeys({
    ...{ client, clock, log: silentLogger },
    ...(file === undefined ? {} : { file }),
    tell: (each) => told.push(each.map((key) => key.secret)),
  });
  const running = keys.run(ended.signal);
  const pass = async (seconds: number) => {
    await settle();
    for (let i = 0; i < seconds; i++) {
      await clock.advance(1000);
      await settle(3);
    }
  };
  const end = async () => {
    ended.abort();
    await running;
  };
  return { client, keys, told, pass, end };
}

test('the first announcer makes the Secret, and the others use it', async () => {
  const w = world();
  await w.pass(0);
  const made = await w.client.get(Secret, HEARTBEAT_SECRET);
  assert.equal(w.told[0]?.[0]?.length, 32);
  const other = world(w.client);
  await other.pass(0);
  assert.deepEqual(other.told, w.told);
  assert.equal((await w.client.get(Secret, HEARTBEAT_SECRET)).metadata.uid, made.metadata.uid);
  await Promise.all([w.end(), other.end()]);
});

test('two that make it at the same time agree', async () => {
  const client = fakeClient([]);
  const [one, other] = [world(client), world(client)];
  await Promise.all([one.pass(0), other.pass(0)]);
  assert.equal(one.told.length, 1);
  assert.deepEqual(one.told, other.told);
  await Promise.all([one.end(), other.end()]);
});

test('a Secret that changes is read within a minute, or soon after a heartbeat that no key fits', async () => {
  const w = world(fakeClient([secret({ key: A })]));
  await w.pass(10);
  w.client.seed(secret({ key: B, next: A }));
  await w.pass(20);
  assert.deepEqual(
    w.told.map((keys) => keys.map(text)),
    [[A]],
  );
  w.keys.readAgain();
  await w.pass(1);
  assert.deepEqual(w.told.at(-1)?.map(text), [A, B]);
  w.client.seed(secret({ key: B, next: 'c'.repeat(16) }));
  await w.pass(61);
  assert.deepEqual(w.told.at(-1)?.map(text), [A, B, 'c'.repeat(16)]);
  await w.pass(120);
  assert.deepEqual(w.told.at(-1)?.map(text)[0], B);
  await w.end();
});

test('a flood of heartbeats that no key fits asks the API every two seconds at most', async () => {
  const w = world(fakeClient([secret({ key: A })]));
  await w.pass(3);
  let asked = 0;
  w.client.failWith((verb) => {
    if (verb === 'get') asked++;
    return undefined;
  });
  for (let i = 0; i < 20; i++) {
    w.keys.readAgain();
    await w.pass(1);
  }
  assert.ok(asked >= 5 && asked <= 11, `asked ${asked} times in 20 s`);
  await w.end();
});

test('a Secret that is too short, or may not be read, leaves the key that is known', async () => {
  const w = world(fakeClient([secret({ key: 'short' })]));
  await w.pass(0);
  assert.equal(w.keys.areKnown, false);
  w.client.seed(secret({ key: A }));
  await w.pass(6);
  assert.deepEqual(
    w.told.map((keys) => keys.map(text)),
    [[A]],
  );
  w.client.failWith(() => failure(403, 'Forbidden', 'no'));
  await w.pass(120);
  assert.equal(w.keys.areKnown, true);
  assert.equal(w.told.length, 1);
  await w.end();
});

test('a file is read instead, and one that is broken later changes nothing', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'postern-key-'));
  try {
    const file = join(directory, 'key');
    await writeFile(file, `${A}\n`, { mode: 0o600 });
    const w = world(fakeClient([]), file);
    while (w.told.length === 0) await w.pass(0);
    assert.deepEqual(w.told[0]?.map(text), [A]);
    assert.deepEqual(w.client.writes, []);
    await writeFile(file, 'short\n');
    await w.pass(120);
    assert.equal(w.keys.areKnown, true);
    assert.equal(w.told.length, 1);
    await w.end();
  } finally {
    await rm(directory, { recursive: true });
  }
});
