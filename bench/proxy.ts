/**
 * How long the node proxy takes to load N Services, and then to put one changed endpoint into the kernel: from the
 * event's arrival to the end of the netfilter transaction. Both families, five endpoints each, in a namespace of its own.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { EndpointSlice } from '../src/api/discovery/v1/endpointslice.ts';
import { fakeClient } from '../src/client/fake.ts';
import { openLibnftables } from '../src/host/libnftables.ts';
import { createLogger } from '../src/host/log.ts';
import { mustParseCIDR, mustParseIP } from '../src/lib/ip.ts';
import { startProxy } from '../src/proxy/proxy.ts';
import { slice } from '../src/proxy/testing/builders.ts';
import { ENDPOINTS_PER_SERVICE, numbered } from '../src/proxy/testing/many.ts';

const SIZES = [10, 1_000, 10_000];
const CHANGES = 200;
/** Milliseconds: issue 2's "endpoint ready to rules in the kernel, p99". */
const GOAL = 20;

interface Row {
  readonly services: number;
  readonly fullLoad: number;
  readonly p50: number;
  readonly p99: number;
  readonly longestStall: number;
  readonly megabytes: number;
}

async function measure(services: number): Promise<Row> {
  const objects = Array.from({ length: services }, (_, number) => numbered(number)).flat();
  const client = fakeClient(objects);
  const runner = await openLibnftables();
  const controller = new AbortController();
  let synced = () => {};
  const stall = watchStalls();
  const started = performance.now();
  const { stats, stopped } = await startProxy(
    {
      client,
      runner,
      nodeName: 'node1',
      nodeAddresses: () => [mustParseIP('192.168.1.1'), mustParseIP('fd00:1::1')],
      podCIDRs: ['10.244.1.0/24', 'fd00:10:244:1::/64'].map(mustParseCIDR),
      clusterCIDRs: ['10.244.0.0/16', 'fd00:10:244::/48'].map(mustParseCIDR),
      log: createLogger('bench'),
      onSynced: () => synced(),
    },
    controller.signal,
  );
  const fullLoad = performance.now() - started;
  const before = stats.changes;
  for (let change = 0; change < CHANGES; change++) {
    const name = `service-${Math.floor((change * services) / CHANGES)}`;
    const count = ENDPOINTS_PER_SERVICE - 1 + (change % 3);
    const done = new Promise<void>((resolve) => {
      synced = resolve;
    });
    const addresses = Array.from({ length: count }, (_, host) => `10.244.250.${host + (change % 7) + 1}`);
    await client.update(EndpointSlice, slice(name, addresses));
    await done;
  }
  if (stats.changes < before + CHANGES / 2) throw new Error('changes were lost');
  const longestStall = stall();
  const sample = latest(stats.quantile.bind(stats));
  controller.abort();
  await stopped;
  await runner.close();
  return { services, fullLoad, ...sample, longestStall, megabytes: process.memoryUsage.rss() / 1e6 };
}

const latest = (quantile: (share: number) => number | undefined) => ({
  p50: quantile(0.5) ?? Number.NaN,
  p99: quantile(0.99) ?? Number.NaN,
});

/** Returns how late the event loop was at most, in milliseconds. */
function watchStalls(): () => number {
  let last = performance.now();
  let longest = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last - 1);
    last = now;
  }, 1);
  return () => {
    clearInterval(timer);
    return longest;
  };
}

function print(rows: readonly Row[]): void {
  const head = ['Services', 'full load ms', 'change p50 ms', 'change p99 ms', 'longest stall ms', 'RSS MB'];
  const lines = rows.map((row) => Object.values(row).map((value) => value.toFixed(value < 100 ? 2 : 0)));
  for (const line of [head, ...lines]) console.log(line.map((cell) => cell.padStart(17)).join(''));
  const worst = Math.max(...rows.map(({ p99 }) => p99));
  const growth = (rows.at(-1)?.p50 ?? Number.NaN) / (rows[0]?.p50 ?? Number.NaN);
  figure('proxy-change-p99', worst, 'ms', GOAL);
  figure('proxy-change-growth', growth, 'times', 10);
}

function figure(name: string, value: number, unit: string, goal: number): void {
  console.log(`figure ${name} ${value.toFixed(2)} ${unit}, goal ${goal}: ${value <= goal ? 'ok' : 'MISSED'}`);
}

/** Each size in a process and namespace of its own: no cache or table is left from the one before. */
function measureApart(services: number): Row {
  const argv = ['--net', process.execPath, fileURLToPath(import.meta.url), String(services)];
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const { status, stdout, stderr } = spawnSync('unshare', [...user, ...argv], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`measuring ${services} Services failed: ${stderr}`);
  return JSON.parse(stdout);
}

const size = process.argv[2];
if (size !== undefined && /^\d+$/.test(size)) {
  process.stdout.write(JSON.stringify(await measure(Number(size))));
} else {
  const rows = SIZES.map(measureApart);
  print(rows);
  const missed = rows.some(({ p99 }) => p99 > GOAL);
  if (process.argv.includes('--check') && missed) process.exitCode = 1;
}
