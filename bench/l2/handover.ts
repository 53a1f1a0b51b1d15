/**
 * Addresses move on purpose while a client asks 100 times a second: over a new connection each time, and over one that was
 * there before. Counted: requests without an answer, and connections that broke.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { EXCLUDE, setTerminating } from '../../test/e2e/l2/handover.feature.ts';
import type { Traffic } from '../../test/e2e/l2/requests.ts';
import { now, type Target } from '../../test/e2e/l2/traffic.ts';
import { World } from '../../test/e2e/l2/world.ts';
import type { Measured, Row } from '../harness.ts';
import { announced, FIRST } from './announcers.ts';

const RUNS = 50;
const EVERY = 10;
const REST = 500;
const SERVICE = 'web';

interface Move {
  readonly what: string;
  /** Makes the first node hand over. */
  begin(world: World): Promise<unknown>;
  /** Lets it have its addresses back. */
  end(world: World): Promise<unknown>;
}

const MOVES: readonly Move[] = [
  {
    what: 'label',
    begin: (world) => world.kubectl(['label', 'node', FIRST, `${EXCLUDE}=`]),
    end: (world) => world.kubectl(['label', 'node', FIRST, `${EXCLUDE}-`]),
  },
  {
    what: 'drain',
    begin: (world) => setTerminating(world, SERVICE, true),
    end: (world) => setTerminating(world, SERVICE, false),
  },
  {
    what: 'restart of the agent',
    begin: (world) => world.restart(FIRST, 'SIGTERM'),
    end: async () => {},
  },
];

export async function handover(): Promise<Measured> {
  const world = await World.open({ nodes: 3 });
  try {
    await world.apply(...announced('lan', ['192.168.77.200/32', 'fd00:77::200/128']));
    const addresses = await world.serve(SERVICE);
    const targets = Object.values(addresses).flatMap((address) =>
      (['connections', 'one-connection'] as const).map((by): Target => ({ by, address, port: 80, every: EVERY })),
    );
    const traffic = await world.traffic(targets);
    const fresh = targets.filter(({ by }) => by === 'connections');
    await traffic.answeredBy(FIRST, fresh);
    const lost = new Map(MOVES.map(({ what }) => [what, [] as number[]]));
    for (let run = 0; run < RUNS; run++) {
      const move = MOVES[run % MOVES.length];
      if (move === undefined) throw new Error('there is no move');
      await sleep(REST);
      const began = now();
      await moveOnce(world, traffic, fresh, move);
      await sleep(REST);
      const missing = traffic.lost(began);
      for (const { target, sent, word } of missing) {
        console.error(`lost: ${move.what}, ${target.by} to ${target.address} after ${sent - began} ms: ${word}`);
      }
      lost.get(move.what)?.push(missing.length);
    }
    return measured(lost, (await traffic.stop()).length);
  } finally {
    await world.close();
  }
}

async function moveOnce(world: World, traffic: Traffic, targets: readonly Target[], move: Move): Promise<void> {
  const moved = traffic.answeredBy(/^node[23]$/, targets);
  await Promise.all([moved, move.begin(world)]);
  await sleep(REST);
  await move.end(world);
  await traffic.answeredBy(FIRST, targets);
}

function measured(lost: ReadonlyMap<string, readonly number[]>, requests: number): Measured {
  const rows = [...lost].map(
    ([what, samples]): Row => ({ what: `lost while an address moves and back: ${what}`, unit: 'requests', samples }),
  );
  const total = [...lost.values()].flat().reduce((sum, count) => sum + count, 0);
  return {
    rows: [...rows, { what: 'all requests of it', unit: 'requests', samples: [requests] }],
    figures: [{ name: 'l2-handover-lost', value: total, unit: 'requests', goal: 1 }],
  };
}
