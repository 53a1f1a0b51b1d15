/** Loads Services in this network namespace, then changes endpoints one at a time. See `namespace.ts`. */
import { EndpointSlice } from '../../src/api/discovery/v1/endpointslice.ts';
import type { ModeName } from '../../src/cli/proxy-mode.ts';
import { slice } from '../../src/proxy/testing/builders.ts';
import { input, output } from './namespace.ts';
import { objectsOf } from './objects.ts';
import { type Running, runProxy } from './running.ts';

export interface Load {
  readonly services: number;
  /** Of each Service and family. */
  readonly endpoints: number;
  readonly families: 'both' | 'IPv4';
  readonly mode: ModeName;
  /** Changes of one endpoint each. */
  readonly changes: number;
}

/** All times in milliseconds. */
export interface Loaded {
  readonly load: number;
  readonly work: number;
  /** From the arrival of a change to the end of its transaction, for each. */
  readonly changes: readonly number[];
  /** The event loop was late by this much at most while it loaded, and while changes came. */
  readonly stalls: { readonly load: number; readonly changes: number };
}

/** Milliseconds between two changes, so that each is measured by itself. */
const APART = 4;

/** Tells, when it is asked, how late the event loop was at most since it was asked last. */
function watchStalls(): { longest(): number; end(): void } {
  let last = performance.now();
  let longest = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last - 1);
    last = now;
  }, 1);
  return {
    longest() {
      const found = longest;
      longest = 0;
      return found;
    },
    end: () => clearInterval(timer),
  };
}

/** One endpoint is replaced, goes, or comes, by turns: their number changes with two changes of three. */
async function change({ services, endpoints }: Load, proxy: Running, number: number): Promise<number> {
  const name = `service-${Math.floor(number * 7919) % services}`;
  const hosts = Array.from({ length: endpoints - 1 + (number % 3) }, (_, host) => host + (number % 7) + 1);
  const done = proxy.next();
  const sum = proxy.stats.latency.fromArrival.sum;
  await proxy.client.update(
    EndpointSlice,
    slice(
      name,
      hosts.map((host) => `10.244.250.${host}`),
    ),
  );
  await done;
  await new Promise((resolve) => setTimeout(resolve, APART));
  return (proxy.stats.latency.fromArrival.sum - sum) * 1000;
}

async function measure(load: Load): Promise<Loaded> {
  const objects = objectsOf(load).flat();
  const stalls = watchStalls();
  const proxy = await runProxy(objects, load.mode);
  const whileLoading = stalls.longest();
  const changes: number[] = [];
  for (let number = 0; number < load.changes; number++) changes.push(await change(load, proxy, number));
  const whileChanging = stalls.longest();
  stalls.end();
  await proxy.stop();
  const { startTime, startWork } = proxy;
  return { load: startTime, work: startWork, changes, stalls: { load: whileLoading, changes: whileChanging } };
}

output(await measure(input<Load>()));
