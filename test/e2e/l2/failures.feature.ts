/**
 * Nodes that crash, lose their cable or their agent, and nodes that cannot hear each other: as a client on the LAN sees it,
 * which asks a hundred times a second in both families.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { answeredBy } from './judges.ts';
import { advertisement, PORT, pool, preferring } from './objects.ts';
import type { Traffic } from './requests.ts';
import type { Stories } from './stories.ts';
import { now, type Target } from './traffic.ts';
import type { World } from './world.ts';

const FIRST = 'node1';
const SECOND = 'node2';
const THIRD = 'node3';
const EVERY = 10;
/** Milliseconds until another node answers. The bench says how much sooner; a machine that is busy with tests may take longer. */
const SOON = 1500;

/** A client that asks for a Service that the first node announces while it can, or else the second. */
export interface Client {
  readonly addresses: readonly string[];
  readonly targets: readonly Target[];
  readonly traffic: Traffic;
}

export async function clientOf(world: World): Promise<Client> {
  await world.apply(
    pool('failing', ['192.168.77.241/32', 'fd00:77::241/128'], { autoAssign: false }),
    advertisement('failing', { ipAddressPools: ['failing'], ...preferring(FIRST, SECOND) }),
  );
  const annotations = { 'metallb.io/address-pool': 'failing' };
  const addresses = Object.values(await world.serve('failing', { annotations }));
  await answeredBy(world, addresses, FIRST);
  const targets = addresses.map((address): Target => ({ by: 'datagrams', address, port: PORT, every: EVERY }));
  const traffic = await world.traffic(targets);
  await traffic.answeredBy(FIRST, targets);
  return { addresses, targets, traffic };
}

/** Does something to the announcer, and sees another node answer soon. */
export async function failsOver({ targets, traffic }: Client, fault: () => void): Promise<void> {
  const began = now();
  fault();
  for (const { answered = Number.NaN, target } of await traffic.answeredBy(SECOND, targets, began)) {
    assert.ok(answered - began < SOON, `${target.address} is answered after ${answered - began} ms`);
  }
}

export function failures(stories: Stories): void {
  const { story } = stories;
  let client: Client | undefined;
  const told = (name: string, run: (world: World, client: Client) => Promise<void>): void =>
    story(name, async () => {
      client ??= await clientOf(stories.world);
      await run(stories.world, client);
    });

  told('a node that stands still is replaced, and takes back once it moves again', async (world, client) => {
    await failsOver(client, () => world.faults.freeze(FIRST));
    await answeredBy(world, client.addresses, SECOND);
    world.faults.thaw(FIRST);
    await client.traffic.answeredBy(FIRST, client.targets);
    await answeredBy(world, client.addresses, FIRST);
  });

  told('a node that loses its cable is replaced, and takes back once it is plugged in', async (world, client) => {
    await failsOver(client, () => world.faults.unplug(FIRST));
    world.faults.plug(FIRST);
    await client.traffic.answeredBy(FIRST, client.targets);
    await answeredBy(world, client.addresses, FIRST);
  });

  told('an agent that is killed is replaced without a request lost, and takes back', async (world, client) => {
    const began = now();
    const moved = client.traffic.answeredBy(SECOND, client.targets);
    await Promise.all([moved, world.restart(FIRST, 'SIGKILL')]);
    await client.traffic.answeredBy(FIRST, client.targets);
    assert.deepEqual(client.traffic.lost(began), []);
  });

  told('two nodes that do not hear each other agree through a third', async (world, client) => {
    const began = now();
    await world.faults.cut([FIRST], [SECOND]);
    await sleep(1000);
    await answeredBy(world, client.addresses, FIRST);
    await world.faults.heal();
    await sleep(500);
    const since = client.traffic.requests.filter(({ sent }) => sent > began);
    assert.deepEqual([...new Set(since.map(({ word }) => word))], [FIRST]);
  });

  told('a node that nobody hears, although it hears all, is replaced and falls silent', async (world, client) => {
    await world.faults.cut([FIRST], [SECOND, THIRD], 'one');
    await answeredBy(world, client.addresses, SECOND);
    await world.faults.heal();
    await answeredBy(world, client.addresses, FIRST);
  });

  told('a LAN that comes apart comes to one announcer, and again when it is whole', async (world, client) => {
    await world.faults.cut([FIRST], [SECOND, THIRD]);
    await answeredBy(world, client.addresses, SECOND);
    await world.faults.heal();
    await answeredBy(world, client.addresses, FIRST);
    await client.traffic.answeredBy(FIRST, client.targets);
  });

  told('and after all of it the client is answered by the first, and no request is lost', async (_, client) => {
    const began = now();
    await sleep(1000);
    assert.deepEqual(client.traffic.lost(began), []);
    await client.traffic.stop();
  });
}
