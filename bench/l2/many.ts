/** A thousand addresses on one node: how soon all of them are another's when it crashes, and how fast questions are answered. */
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Service } from '../../src/api/core/v1/service.ts';
import { EndpointSlice } from '../../src/api/discovery/v1/endpointslice.ts';
import type { IPFamily } from '../../src/lib/ip.ts';
import { LINK, macOf } from '../../test/e2e/l2/lan.ts';
import { NAMESPACE, service, slices } from '../../test/e2e/l2/objects.ts';
import { now } from '../../test/e2e/l2/traffic.ts';
import { World } from '../../test/e2e/l2/world.ts';
import { type Measured, quantile, type Row } from '../harness.ts';
import { announced, FIRST, SECOND } from './announcers.ts';
import type { Asking, Seen } from './asker.ts';

const COUNT = 1000;
const TAKEOVERS = 5;
/** Milliseconds between questions, and how long they are watched at rest. */
const EVERY = 2;
const WATCHED = 10_000;
const WRITERS = 8;
/** Milliseconds that everything is left alone after addresses have moved. */
const REST = 5000;
/** Milliseconds that all of them may take to move, and between two looks whether they have. */
const LIMIT = 60_000;
const LOOK_EVERY = 50;

/** What the client sees of ARP, from when it is made. */
class Questions {
  readonly seen: Seen[] = [];
  readonly #end: () => void;

  constructor(world: World, asking: Asking) {
    const program = fileURLToPath(new URL('asker.ts', import.meta.url));
    // In truth the client is another machine, and does not wait for the processor of this one.
    const first = ['nice', '-n', '-15'];
    const child = world.start('client', [...first, process.execPath, program, JSON.stringify(asking)]);
    if (child.stdout === null) throw new Error('the client has no output');
    const asked = new Set(asking.addresses);
    createInterface({ input: child.stdout }).on('line', (line) => {
      const seen = JSON.parse(line) as Seen;
      // Nodes speak of addresses of their own as well.
      if (asked.has(seen[0])) this.seen.push(seen);
    });
    this.#end = () => child.kill('SIGKILL');
  }

  end(): void {
    this.#end();
  }

  /** Waits until every address was seen with this MAC since then; resolves to when each first was. */
  async allAt(mac: string, since: number): Promise<readonly number[]> {
    const when = new Map<string, number>();
    const deadline = now() + LIMIT;
    for (let read = 0; ; ) {
      for (; read < this.seen.length; read++) {
        const [address, by, at] = this.seen[read] ?? ['', '', 0];
        if (at >= since && by === mac && !when.has(address)) when.set(address, at);
      }
      if (when.size === COUNT) return [...when.values()];
      if (now() > deadline) throw new Error(`only ${when.size} of ${COUNT} addresses are at ${mac}`);
      await sleep(LOOK_EVERY);
    }
  }

  /** Milliseconds that answers took, to questions asked since then. */
  answers(since: number): readonly number[] {
    return this.seen.flatMap(([, , at, asked]) => (asked !== null && asked >= since ? [at - asked] : []));
  }
}

/** Pools of so many, and who asks for them. */
const FAMILIES = {
  IPv4: { protocol: 'ARP', pool: '10.77.0.0/22', sender: '192.168.77.2' },
  IPv6: { protocol: 'NDP', pool: 'fd00:77::1:0/112', sender: 'fd00:77::2' },
} as const;

interface Samples {
  readonly atRest: readonly number[];
  readonly takeovers: readonly number[];
  readonly during: readonly number[];
}

export async function many(): Promise<Measured> {
  const [ARP, NDP] = [await measure('IPv4'), await measure('IPv6')];
  const slowest = (samples: Samples): number => Math.max(...samples.takeovers);
  return {
    rows: [...rowsOf('IPv4', ARP), ...rowsOf('IPv6', NDP)],
    figures: [
      { name: 'l2-takeover-1000', value: Math.max(slowest(ARP), slowest(NDP)), unit: 'ms', goal: 2000 },
      { name: 'l2-arp-answer-p99', value: quantile(ARP.atRest, 0.99), unit: 'ms', goal: 2 },
    ],
  };
}

async function measure(family: IPFamily): Promise<Samples> {
  const world = await World.open({ nodes: 2 });
  try {
    await world.apply(...announced('many', [FAMILIES[family].pool]));
    const addresses = await makeServices(world, family);
    const macs = await Promise.all([macOf(world, FIRST), macOf(world, SECOND)]);
    const questions = new Questions(world, {
      ...{ interface: LINK, sender: FAMILIES[family].sender, addresses, every: EVERY },
    });
    await questions.allAt(macs[0], 0);
    await sleep(REST);
    const since = now();
    await sleep(WATCHED);
    const atRest = questions.answers(since);
    const samples = { atRest, ...(await takeOver(world, questions, macs)) };
    questions.end();
    return samples;
  } finally {
    await world.close();
  }
}

/** The first node loses its cable and gets it back, again and again. */
async function takeOver(
  world: World,
  questions: Questions,
  [first, second]: readonly [string, string],
): Promise<Omit<Samples, 'atRest'>> {
  const takeovers: number[] = [];
  const during: number[] = [];
  for (let run = 0; run < TAKEOVERS; run++) {
    const since = now();
    world.faults.unplug(FIRST);
    takeovers.push(Math.max(...(await questions.allAt(second, since))) - since);
    during.push(...questions.answers(since));
    world.faults.plug(FIRST);
    await questions.allAt(first, now());
    await sleep(REST);
  }
  return { takeovers, during };
}

/** Makes the Services, and resolves to their addresses. */
async function makeServices(world: World, family: IPFamily): Promise<readonly string[]> {
  const names = Array.from({ length: COUNT }, (_, i) => `many-${i}`);
  const left = [...names];
  const write = async (): Promise<void> => {
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      const families = [family];
      for (const slice of slices(name, world.nodes, families)) await world.client.create(EndpointSlice, slice);
      await world.client.create(Service, service(name, { families, policy: 'Cluster' }));
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
  return world.eventually(
    `${COUNT} addresses`,
    async () => {
      const { items } = await world.client.list(Service, { namespace: NAMESPACE });
      const addresses = items.flatMap(({ status }) => (status?.loadBalancer?.ingress ?? []).map(({ ip = '' }) => ip));
      return addresses.length === COUNT ? addresses : undefined;
    },
    60_000,
  );
}

function rowsOf(family: IPFamily, { atRest, takeovers, during }: Samples): readonly Row[] {
  const what = `${COUNT} addresses, ${FAMILIES[family].protocol}`;
  return [
    { what: `${what}: crash until all are another node’s`, unit: 'ms', samples: takeovers },
    { what: `${what}: answer, at rest`, unit: 'ms', samples: atRest },
    { what: `${what}: answer, while they are taken over`, unit: 'ms', samples: during },
  ];
}
