/** DNS: what an answer costs with few and many Services, and what a changed Service costs. One process, no sockets. */
import { performance } from 'node:perf_hooks';
import { fakeClient } from '../src/client/fake.ts';
import { RecordIndex } from '../src/dns/records/record-index.ts';
import { ServiceRecords } from '../src/dns/records/service-records.ts';
import { apexRecords } from '../src/dns/records/zone.ts';
import { Forwarder } from '../src/dns/server/forwarder.ts';
import { Resolver } from '../src/dns/server/resolver.ts';
import { DnsStats } from '../src/dns/server/stats.ts';
import { service } from '../src/dns/testing.ts';
import { CLASS_IN, TYPE } from '../src/dns/wire/message.ts';
import { encodeQuery } from '../src/dns/wire/query.ts';
import { encodeQuestion } from '../src/dns/wire/question.ts';
import { silentLogger } from '../src/host/log.ts';
import { median, quantile, type Row, report } from './harness.ts';

const ZONE = 'cluster.local';
const BATCHES = 50;
const ANSWERS = 400;
const signal = new AbortController().signal;

function question(name: string): Uint8Array {
  const questionBytes = encodeQuestion({ name, type: TYPE.A, class: CLASS_IN });
  return encodeQuery(1, { questionBytes, edns: undefined, recursionDesired: true, checkingDisabled: false });
}

/** Microseconds per call, of many calls in a row. */
function timed(calls: number, call: (i: number) => void): number {
  const start = performance.now();
  for (let i = 0; i < calls; i++) call(i);
  return ((performance.now() - start) * 1000) / calls;
}

async function measure(count: number) {
  const services = Array.from({ length: count }, (_, i) =>
    service(`web-${i}`, { clusterIPs: [`10.96.${i >> 8}.${i & 255}`], ports: [{ name: 'http', port: 80 }] }),
  );
  const client = fakeClient(services);
  const index = new RecordIndex();
  index.set('', apexRecords(ZONE, []));
  const records = new ServiceRecords({ client, log: silentLogger, zone: ZONE, index });
  const ended = new AbortController();
  const start = performance.now();
  records.start(ended.signal);
  await records.synced;
  const load = performance.now() - start;

  const forwarder = new Forwarder({ upstreams: [], log: silentLogger });
  const stats = new DnsStats();
  const resolver = new Resolver({ index, zone: ZONE, forwarder, stats, isSynced: () => true, clients: undefined });
  const origin = { transport: 'udp', address: undefined } as const;
  const known = Array.from({ length: ANSWERS }, (_, i) => question(`web-${(i * 7919) % count}.ns.svc.${ZONE}`));
  const search = known.map((_, i) => question(`web-${i % count}.ns.svc.${ZONE}.ns.svc.${ZONE}`));
  const ask = (questions: readonly Uint8Array[]) => (i: number) => {
    resolver.answer(questions[i] ?? new Uint8Array(), origin, signal);
  };
  const samples = (run: () => number) => Array.from({ length: BATCHES }, run);
  const answers = samples(() => timed(ANSWERS, ask(known)));
  const missing = samples(() => timed(ANSWERS, ask(search)));
  const owner = 'ns/bench';
  const name = `bench.ns.svc.${ZONE}`;
  const changes = samples(() =>
    timed(ANSWERS, () => index.set(owner, [{ name, ttl: 5, data: { type: 'CNAME', target: 'example.com' } }])),
  );
  ended.abort();
  return { load, answers, missing, changes };
}

const rows: Row[] = [];
const results = new Map<number, Awaited<ReturnType<typeof measure>>>();
await measure(100); // Warms the compiler up.
for (const count of [100, 1000, 10_000]) {
  const result = await measure(count);
  results.set(count, result);
  const of = `, ${count} Services`;
  rows.push(
    { what: `answer to a known name${of}`, unit: 'us', samples: result.answers },
    { what: `answer to a search-list name${of}`, unit: 'us', samples: result.missing },
    { what: `records of one changed Service${of}`, unit: 'us', samples: result.changes },
    { what: `records of the first list${of}`, unit: 'ms', samples: [result.load] },
  );
}
const [small, large] = [results.get(100), results.get(10_000)];
const growth = median(large?.answers ?? []) / median(small?.answers ?? []);
const changeGrowth = median(large?.changes ?? []) / median(small?.changes ?? []);
report(rows, [
  { name: 'dns-answer-p99', value: quantile(large?.answers ?? [], 0.99), unit: 'us', goal: 50 },
  { name: 'dns-answer-growth-100-to-10000-services', value: growth, unit: 'x', goal: 3 },
  { name: 'dns-change-growth-100-to-10000-services', value: changeGrowth, unit: 'x', goal: 3 },
]);
