/**
 * The announcing node crashes: milliseconds from its last answer to the first of another, as seen by a client that asks every
 * 5 ms. A crash is a machine that stands still with its link up, and one whose cable is pulled.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Target } from '../../test/e2e/l2/traffic.ts';
import { World } from '../../test/e2e/l2/world.ts';
import { type Measured, quantile, type Row } from '../harness.ts';
import { announced, FIRST } from './announcers.ts';

const RUNS = 50;
const NOT_FIRST = /^node[23]$/;
const EVERY = 5;
/** Milliseconds that everything is left alone after a node has come back; and at most as many more, so that runs begin at any phase. */
const REST = 1000;
const JITTER = 300;

const CRASHES = [
  { what: 'stands still', begin: 'freeze', end: 'thaw' },
  { what: 'loses its cable', begin: 'unplug', end: 'plug' },
] as const;

export async function failover(): Promise<Measured> {
  const world = await World.open({ nodes: 3 });
  try {
    await world.apply(...announced('lan', ['192.168.77.200/32', 'fd00:77::200/128']));
    const addresses = await world.serve('web');
    const targets = Object.values(addresses).map(
      (address): Target => ({ by: 'datagrams', address, port: 80, every: EVERY }),
    );
    const traffic = await world.traffic(targets);
    const samples = new Map(
      CRASHES.flatMap(({ what }) => targets.map(({ address }) => [`${what}: ${address}`, [] as number[]])),
    );
    for (let run = 0; run < RUNS * CRASHES.length; run++) {
      const crash = CRASHES[run % CRASHES.length];
      if (crash === undefined) throw new Error('there is no crash');
      await traffic.answeredBy(FIRST, targets);
      await sleep(REST + Math.random() * JITTER);
      const others = traffic.answeredBy(NOT_FIRST, targets);
      world.faults[crash.begin](FIRST);
      for (const { target, answered = Number.NaN } of await others) {
        // From the last answer: it takes a moment until the cable is out.
        const last = traffic.requests.findLast((request) => request.target === target && request.word === FIRST);
        samples.get(`${crash.what}: ${target.address}`)?.push(answered - (last?.answered ?? Number.NaN));
      }
      world.faults[crash.end](FIRST);
    }
    await traffic.stop();
    return measured(samples);
  } finally {
    await world.close();
  }
}

function measured(samples: ReadonlyMap<string, readonly number[]>): Measured {
  const rows = [...samples].map(
    ([what, ms]): Row => ({ what: `announcer ${what}, answered again`, unit: 'ms', samples: ms }),
  );
  const all = [...samples.values()].flat();
  return { rows, figures: [{ name: 'l2-failover-p99', value: quantile(all, 0.99), unit: 'ms', goal: 500 }] };
}
