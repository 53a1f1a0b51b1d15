import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settle } from '../../client/testing.ts';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { CLASS_IN, RCODE, TYPE } from '../wire/message.ts';
import { encodeQuestion } from '../wire/question.ts';
import { answers, type Exchange } from './exchange.ts';
import { Forwarder } from './forwarder.ts';

const upstreams = [
  { address: '192.0.2.1', port: 53 },
  { address: '192.0.2.2', port: 53 },
];
const query = {
  questionBytes: encodeQuestion({ name: 'www.example.com', type: TYPE.A, class: CLASS_IN }),
  edns: undefined,
  recursionDesired: true,
  checkingDisabled: false,
};
const signal = new AbortController().signal;
const CLIENT = '10.244.1.5';

/** Answers with a code, or never. */
function world(behaviour: Readonly<Record<string, number | 'silent' | 'unreachable'>>) {
  const asked: string[] = [];
  const ids = new Set<number>();
  const exchange: Exchange = (upstream, message, ended) => {
    asked.push(upstream.address);
    ids.add(new DataView(message.buffer).getUint16(0));
    const does = behaviour[upstream.address];
    if (does === 'unreachable') return Promise.reject(new Error('ECONNREFUSED'));
    if (does === 'silent') {
      return new Promise((_, reject) => ended.addEventListener('abort', () => reject(ended.reason)));
    }
    const answer = Uint8Array.from(message);
    answer[2] = 0x80;
    answer[3] = does ?? 0;
    return Promise.resolve(answer);
  };
  const clock = new FakeClock();
  const forwarder = new Forwarder({ upstreams, log: silentLogger, clock, exchange: { udp: exchange, tcp: exchange } });
  return { forwarder, asked, ids, clock };
}

test('a silent server is left after a time, and the one that answered is asked first from then on', async () => {
  const { forwarder, asked, clock } = world({ '192.0.2.1': 'silent', '192.0.2.2': RCODE.NOERROR });
  const first = forwarder.forward(query, 'udp', CLIENT, signal);
  await settle(1);
  await clock.advance(1500);
  assert.equal((await first).kind, 'answer');
  await forwarder.forward(query, 'udp', CLIENT, signal);
  assert.deepEqual(asked, ['192.0.2.1', '192.0.2.2', '192.0.2.2']);
});

test('a server that cannot be reached, or fails, is passed over at once', async () => {
  const { forwarder, asked } = world({ '192.0.2.1': 'unreachable', '192.0.2.2': RCODE.NXDOMAIN });
  assert.equal((await forwarder.forward(query, 'tcp', CLIENT, signal)).kind, 'answer');
  assert.deepEqual(asked, ['192.0.2.1', '192.0.2.2']);
});

test('when all fail, their failure is the answer', async () => {
  const { forwarder, asked } = world({ '192.0.2.1': RCODE.SERVFAIL, '192.0.2.2': RCODE.SERVFAIL });
  const result = await forwarder.forward(query, 'udp', CLIENT, signal);
  assert.ok(result.kind === 'answer' && result.bytes[3] === RCODE.SERVFAIL);
  assert.equal(asked.length, 3);
});

test('when nobody answers, that is said within the time that a client waits', async () => {
  const { forwarder, clock } = world({ '192.0.2.1': 'silent', '192.0.2.2': 'silent' });
  const result = forwarder.forward(query, 'udp', CLIENT, signal);
  for (let i = 0; i < 3; i++) {
    await settle(1);
    await clock.advance(1500);
  }
  assert.deepEqual(await result, { kind: 'failed', why: 'no-answer' });
  assert.ok(clock.now() < 5000);
});

for (const [what, count, clientOf] of [
  ['one client', 128, () => CLIENT],
  ['all clients', 512, (i: number) => `10.244.1.${i}`],
] as const) {
  test(`${what} may have ${count} questions under way, and there is room again later`, async () => {
    const { forwarder, clock } = world({ '192.0.2.1': 'silent', '192.0.2.2': 'silent' });
    const ask = (i: number) => forwarder.forward(query, 'udp', clientOf(i), signal);
    const all = Array.from({ length: count }, (_, i) => ask(i));
    assert.deepEqual(await ask(count), { kind: 'failed', why: 'busy' });
    for (let i = 0; i < 3; i++) {
      await settle(1);
      await clock.advance(1500);
    }
    for (const result of await Promise.all(all)) assert.deepEqual(result, { kind: 'failed', why: 'no-answer' });
    const later = ask(0);
    await settle(1);
    assert.equal(await Promise.race([later, Promise.resolve('under way')]), 'under way');
  });
}

test('every question has an id of its own', async () => {
  const { forwarder, ids } = world({});
  for (let i = 0; i < 100; i++) await forwarder.forward(query, 'udp', CLIENT, signal);
  assert.ok(ids.size > 90, `${ids.size} ids in 100 questions`);
});

const sent = Uint8Array.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...query.questionBytes]);
const reply = (change: (bytes: Uint8Array) => void) => {
  const bytes = sent.slice();
  bytes[2] = 0x81;
  change(bytes);
  return bytes;
};
for (const [what, bytes, expected] of [
  ['the same id and question', reply(() => {}), true],
  ['the same question in other letters', reply((b) => b.set([0x57], 13)), true],
  ['another id', reply((b) => b.set([8], 1)), false],
  ['another question', reply((b) => b.set([0x78], 13)), false],
  ['another type', reply((b) => b.set([28], b.length - 3)), false],
  ['a query', sent, false],
  [
    'a failure without the question',
    reply((b) => b.set([2], 3))
      .with(5, 0)
      .slice(0, 12),
    true,
  ],
  [
    'a success without the question',
    reply(() => {})
      .with(5, 0)
      .slice(0, 12),
    false,
  ],
  ['nothing', new Uint8Array(), false],
] as const) {
  test(`${what} ${expected ? 'is' : 'is not'} taken for an answer`, () => assert.equal(answers(bytes, sent), expected));
}
