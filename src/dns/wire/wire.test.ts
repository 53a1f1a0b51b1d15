import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode } from 'dns-packet';
import { mustParseIP } from '../../lib/ip.ts';
import { testSeed } from '../../lib/random.fixture.ts';
import { seededRandom } from '../../lib/random.ts';
import { CLASS_IN, type Query, RCODE, type ResourceRecord, type Response, TYPE } from './message.ts';
import { decodeName } from './name.ts';
import { decodeQuery, encodeQuery } from './query.ts';
import { encodeQuestion } from './question.ts';
import { decodeUpstreamAnswer, encodeResponse, TCP_SIZE } from './response.ts';
import { WireError } from './wire-error.ts';

const seed = testSeed();

function queryFor(name: string, type: number, edns?: Query['edns']): Query {
  const questionBytes = encodeQuestion({ name, type, class: CLASS_IN });
  return decodeQuery(encodeQuery(4711, { questionBytes, edns, recursionDesired: true, checkingDisabled: false }));
}

function responseWith(answers: readonly ResourceRecord[]): Response {
  return {
    rcode: RCODE.NOERROR,
    authoritative: true,
    recursionAvailable: true,
    answers,
    authorities: [],
    additionals: [],
  };
}

test('a query is read as it was written', () => {
  const query = queryFor('web.ns.svc.cluster.local', TYPE.AAAA, { udpSize: 1400, version: 0, dnssecOk: true });
  assert.equal(query.id, 4711);
  assert.deepEqual(query.question, { name: 'web.ns.svc.cluster.local', type: TYPE.AAAA, class: CLASS_IN });
  assert.deepEqual(query.edns, { udpSize: 1400, version: 0, dnssecOk: true });
});

test('a query of another implementation is read, its case folded and its bytes kept', () => {
  const bytes = encode({ type: 'query', id: 7, flags: 0x100, questions: [{ type: 'A', name: 'WeB.Ns.svc' }] });
  const query = decodeQuery(bytes);
  assert.equal(query.question.name, 'web.ns.svc');
  assert.match(Buffer.from(query.questionBytes).toString('latin1'), /WeB/);
});

test('a response with every record type is read by another implementation', () => {
  const query = queryFor('web.ns.svc.cluster.local', TYPE.ANY);
  const name = query.question.name;
  const records: ResourceRecord[] = [
    { name, ttl: 5, data: { type: 'A', address: mustParseIP('10.96.0.10') } },
    { name, ttl: 5, data: { type: 'AAAA', address: mustParseIP('fd00::1') } },
    { name, ttl: 5, data: { type: 'CNAME', target: 'db.ns.svc.cluster.local' } },
    { name, ttl: 5, data: { type: 'SRV', priority: 1, weight: 2, port: 80, target: name } },
    { name, ttl: 5, data: { type: 'TXT', text: '1.1.0' } },
  ];
  const packet = decode(Buffer.from(encodeResponse(query, responseWith(records), TCP_SIZE)));
  assert.deepEqual(
    packet.answers?.map((answer) => [answer.name, answer.type, 'data' in answer ? answer.data : undefined]),
    [
      [name, 'A', '10.96.0.10'],
      [name, 'AAAA', 'fd00::1'],
      [name, 'CNAME', 'db.ns.svc.cluster.local'],
      [name, 'SRV', { priority: 1, weight: 2, port: 80, target: name }],
      [name, 'TXT', [Buffer.from('1.1.0')]],
    ],
  );
});

test('names are compressed: an A record costs 16 octets', () => {
  const query = queryFor('web.ns.svc.cluster.local', TYPE.A);
  const record: ResourceRecord = {
    name: query.question.name,
    ttl: 5,
    data: { type: 'A', address: mustParseIP('10.0.0.1') },
  };
  const one = encodeResponse(query, responseWith([record]), TCP_SIZE).length;
  assert.equal(encodeResponse(query, responseWith([record, record]), TCP_SIZE).length - one, 16);
});

test('an answer that does not fit is cut after a whole record and says so', () => {
  const query = queryFor('web.ns.svc.cluster.local', TYPE.A, { udpSize: 512, version: 0, dnssecOk: false });
  const records = Array.from({ length: 100 }, (_, i): ResourceRecord => {
    return { name: query.question.name, ttl: 5, data: { type: 'A', address: mustParseIP(`10.0.0.${i}`) } };
  });
  const bytes = encodeResponse(query, responseWith(records), 512);
  const packet = decode(Buffer.from(bytes));
  assert.ok(bytes.length <= 512);
  assert.equal(packet.flag_tc, true);
  assert.equal(packet.answers?.length, 28);
  assert.equal(packet.additionals?.[0]?.type, 'OPT');
});

test(`any answer is read back by another implementation (seed ${seed})`, () => {
  const next = seededRandom(seed);
  const label = () =>
    Array.from({ length: 1 + Math.floor(next() * 12) }, () => 'abcdef0-_z'[Math.floor(next() * 10)]).join('');
  const suffixes = ['ns.svc.cluster.local', 'cluster.local', 'other.svc.cluster.local'];
  const name = () => `${label()}.${suffixes[Math.floor(next() * suffixes.length)]}`;
  for (let round = 0; round < 200; round++) {
    const records = Array.from({ length: Math.floor(next() * 40) }, (): ResourceRecord => {
      return { name: name(), ttl: 5, data: { type: 'PTR', target: name() } };
    });
    const query = queryFor(name(), TYPE.PTR);
    const packet = decode(Buffer.from(encodeResponse(query, responseWith(records), TCP_SIZE)));
    assert.deepEqual(
      packet.answers?.map((answer) => [answer.name, 'data' in answer ? answer.data : undefined]),
      records.map(({ name: owner, data }) => [owner, data.type === 'PTR' ? data.target : undefined]),
    );
  }
});

test(`random and damaged bytes are refused with one error type (seed ${seed})`, () => {
  const next = seededRandom(seed);
  const good = encodeQuery(1, {
    questionBytes: encodeQuestion({ name: 'web.ns.svc.cluster.local', type: TYPE.A, class: CLASS_IN }),
    edns: { udpSize: 1232, version: 0, dnssecOk: false },
    recursionDesired: true,
    checkingDisabled: false,
  });
  for (let round = 0; round < 5000; round++) {
    const bytes = good.slice(0, Math.floor(next() * (good.length + 1)));
    for (let i = 0; i < 3 && bytes.length > 0; i++) bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
    for (const read of [decodeQuery, decodeUpstreamAnswer]) {
      try {
        read(bytes);
      } catch (error) {
        assert.ok(error instanceof WireError, String(error));
      }
    }
  }
});

test('labels with dots and odd bytes stay apart from names that look like them', () => {
  const { name } = decodeName(Uint8Array.of(3, 0x61, 0x2e, 0x62, 1, 0xff, 0), 0);
  assert.equal(name, 'a\\046b.\\255');
  assert.deepEqual([...encodeQuestion({ name, type: 1, class: 1 })].slice(0, 7), [3, 0x61, 0x2e, 0x62, 1, 0xff, 0]);
});

for (const [what, bytes] of [
  ['a pointer in a question', [0xc0, 0]],
  ['a name without an end', [1, 0x61]],
  ['a label that runs past the end', [5, 0x61, 0]],
  ['a name of 256 octets', [...Array.from({ length: 128 }, () => [1, 0x61]).flat(), 0]],
] as const) {
  test(`${what} is refused`, () => {
    assert.throws(() => decodeName(Uint8Array.from(bytes), 0), WireError);
  });
}
