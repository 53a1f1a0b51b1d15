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
import { kernelNetfilter } from '../src/netfilter/kernel.ts';
import { localitiesOf } from '../src/proxy/locality.ts';
import { nftablesMode } from '../src/proxy/nftables/nftables-mode.ts';
import { startProxy } from '../src/proxy/proxy.ts';
import { slice } from '../src/proxy/testing/builders.ts';
import { ENDPOINTS_PER_SERVICE, numbered } from '../src/proxy/testing/many.ts';
import { median, quantile, type Row, report } from './harness.ts';

const SIZES = [10, 1_000, 10_000];
const CHANGES = 200;

interface Measured {
  /** Milliseconds, once. */
  readonly fullLoad: number;
  /** Milliseconds of processor time in the full load, of all threads and the kernel: other programs hardly change it. */
  readonly fullLoadWork: number;
  /** Milliseconds, from the event's arrival to the end of the transaction. */
  readonly changes: readonly number[];
  /** Milliseconds that the event loop was late at most. */
  readonly longestStall: number;
  readonly megabytes: number;
}

async function measure(services: number): Promise<Measured> {
  const objects = Array.from({ length: services }, (_, number) => numbered(number)).flat();
  const client = fakeClient(objects);
  const runner = await openLibnftables();
  const mode = nftablesMode({
    netfilter: kernelNetfilter(runner),
    localities: localitiesOf({
      podCIDRs: ['10.244.1.0/24', 'fd00:10:244:1::/64'].map(mustParseCIDR),
      clusterCIDRs: ['10.244.0.0/16', 'fd00:10:244::/48'].map(mustParseCIDR),
    }),
  });
  const controller = new AbortController();
  let synced = () => {};
  const stall = watchStalls();
  const started = performance.now();
  const before = process.cpuUsage();
  const { stopped } = await startProxy(
    {
      client,
      mode,
      nodeName: 'node1',
      nodeAddresses: () => [mustParseIP('192.168.1.1'), mustParseIP('fd00:1::1')],
      log: createLogger('bench'),
      onSynced: () => synced(),
    },
    controller.signal,
  );
  const fullLoad = performance.now() - started;
  const work = process.cpuUsage(before);
  const fullLoadWork = (work.user + work.system) / 1000;
  const changes: number[] = [];
  for (let change = 0; change < CHANGES; change++) {
    const name = `service-${Math.floor((change * services) / CHANGES)}`;
    const count = ENDPOINTS_PER_SERVICE - 1 + (change % 3);
    const done = new Promise<void>((resolve) => {
      synced = resolve;
    });
    const addresses = Array.from({ length: count }, (_, host) => `10.244.250.${host + (change % 7) + 1}`);
    await client.update(EndpointSlice, slice(name, addresses));
    const sent = performance.now();
    await done;
    changes.push(performance.now() - sent);
  }
  const longestStall = stall();
  controller.abort();
  await stopped;
  await runner.close();
  return { fullLoad, fullLoadWork, changes, longestStall, megabytes: process.memoryUsage.rss() / 1e6 };
}

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

/** Each size in a process and namespace of its own: no cache or table is left from the one before. */
function measureApart(services: number): Measured {
  const argv = ['--net', process.execPath, fileURLToPath(import.meta.url), String(services)];
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  const { status, stdout, stderr } = spawnSync('unshare', [...user, ...argv], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`measuring ${services} Services failed: ${stderr}`);
  return JSON.parse(stdout);
}

function summarise(): void {
  const sizes = SIZES.map((services) => ({ services, ...measureApart(services) }));
  const rows = sizes.flatMap(({ services, fullLoad, fullLoadWork, changes, longestStall, megabytes }): Row[] => [
    { what: `${services} Services: full load`, samples: [fullLoad], unit: 'ms' },
    { what: `${services} Services: full load, processor time`, samples: [fullLoadWork], unit: 'ms' },
    { what: `${services} Services: one changed slice`, samples: changes, unit: 'ms' },
    { what: `${services} Services: longest stall of the event loop`, samples: [longestStall], unit: 'ms' },
    { what: `${services} Services: memory, with the API's objects`, samples: [megabytes], unit: 'MB' },
  ]);
  const last = sizes.at(-1);
  report(rows, [
    { name: 'proxy-full-load-10000-services', value: last?.fullLoad ?? Number.NaN, unit: 'ms', goal: 1000 },
    { name: 'proxy-endpoint-to-kernel-p99', value: quantile(last?.changes ?? [], 0.99), unit: 'ms', goal: 20 },
    {
      name: 'proxy-change-growth-10-to-10000-services',
      value: median(last?.changes ?? []) / median(sizes[0]?.changes ?? []),
      unit: 'x',
      goal: 10,
    },
  ]);
}

const size = process.argv[2];
if (size !== undefined && /^\d+$/.test(size)) process.stdout.write(JSON.stringify(await measure(Number(size))));
else summarise();
