/**
 * Announcements that move on purpose, while a client asks a hundred times a second over new connections and over one that
 * was there before: no request is lost, and no connection breaks.
 */
import assert from 'node:assert/strict';
import { EndpointSlice } from '../../../src/api/discovery/v1/endpointslice.ts';
import { answeredBy } from './judges.ts';
import { advertisement, NAMESPACE, PORT, pool, preferring } from './objects.ts';
import type { Traffic } from './requests.ts';
import type { Stories } from './stories.ts';
import type { Target } from './traffic.ts';
import type { World } from './world.ts';

const FIRST = 'node1';
const SECOND = 'node2';
const THIRD = 'node3';
const SERVICE = 'moving';
const EVERY = 10;
/** Attempts at a restart during which no node is taken for lost. */
const RESTARTS = 3;
export const EXCLUDE = 'node.kubernetes.io/exclude-from-external-load-balancers';

/** What a client asks: new connections, whose answers tell who announces, and one that lasts. */
export interface Clients {
  readonly fresh: readonly Target[];
  readonly lasting: readonly Target[];
  readonly traffic: Traffic;
}

/** Makes a Service that the first node announces while it can, and has a client ask it. */
async function clientsOf(world: World): Promise<Clients> {
  await world.apply(
    pool('moving', ['192.168.77.240/32', 'fd00:77::240/128'], { autoAssign: false }),
    advertisement('moving', { ipAddressPools: ['moving'], ...preferring(FIRST, SECOND) }),
  );
  const annotations = { 'metallb.io/address-pool': 'moving' };
  const addresses = Object.values(await world.serve(SERVICE, { annotations }));
  const targets = (by: Target['by']) => addresses.map((address): Target => ({ by, address, port: PORT, every: EVERY }));
  await answeredBy(world, addresses, FIRST);
  const [fresh, lasting] = [targets('connections'), targets('one-connection')];
  const traffic = await world.traffic([...fresh, ...lasting]);
  await traffic.answeredBy(FIRST, [...fresh, ...lasting]);
  return { fresh, lasting, traffic };
}

/** The first node's endpoints end, as pods that are evicted do: they serve what they have, and get nothing new. */
export async function setTerminating(world: World, name: string, terminating: boolean): Promise<void> {
  const { items } = await world.client.list(EndpointSlice, { namespace: NAMESPACE });
  for (const slice of items.filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === name)) {
    const endpoints = slice.endpoints.map((endpoint) =>
      endpoint.nodeName === FIRST
        ? { ...endpoint, conditions: { ready: !terminating, serving: true, terminating } }
        : endpoint,
    );
    await world.client.update(EndpointSlice, { ...slice, endpoints });
  }
}

export function handover(stories: Stories): void {
  const { story } = stories;
  let clients: Clients | undefined;

  /** Answers tell whose endpoint it was, not who announces: no move is to begin in the middle of another. */
  const announcedBy = async (world: World, node: string): Promise<void> => {
    const addresses = (clients?.fresh ?? []).map(({ address }) => address);
    await answeredBy(world, addresses, node);
  };

  /** How often one of these nodes has taken another for lost, and followed it as one that crashed. */
  const failovers = async (world: World, ...nodes: readonly string[]): Promise<number> => {
    const each = nodes.map(async (node) => {
      const metrics = await world.at(node, ['curl', '-sS', 'http://127.0.0.1:7472/metrics']);
      return Number(/^postern_l2_failovers_total (\d+)$/m.exec(metrics)?.[1]);
    });
    return (await Promise.all(each)).reduce((sum, count) => sum + count);
  };

  /** Moves the announcement away and back; nothing may be lost meanwhile. The connections that last are new ones each time. */
  const move = async (away: (world: World) => Promise<void>, back: (world: World) => Promise<void>): Promise<void> => {
    const { world } = stories;
    clients ??= await clientsOf(world);
    const { fresh, lasting } = clients;
    await clients.traffic.stop();
    const traffic = await world.traffic([...fresh, ...lasting]);
    clients = { fresh, lasting, traffic };
    await traffic.answeredBy(FIRST, [...fresh, ...lasting]);
    const moved = traffic.answeredBy(SECOND, fresh);
    await Promise.all([moved, away(world)]);
    // What was there before goes on with the endpoint that it has.
    await traffic.answeredBy(FIRST, lasting);
    await Promise.all([traffic.answeredBy(FIRST, fresh), back(world)]);
    await traffic.answeredBy(FIRST, [...fresh, ...lasting]);
    await announcedBy(world, FIRST);
    await traffic.stop();
    assert.deepEqual(traffic.lost(), []);
  };
  const moves = (name: string, ...how: Parameters<typeof move>): void => story(name, () => move(...how));

  moves(
    'a node that is excluded hands over, and takes back',
    async (world) => {
      await world.kubectl(['label', 'node', FIRST, `${EXCLUDE}=`]);
      await announcedBy(world, SECOND);
    },
    async (world) => void (await world.kubectl(['label', 'node', FIRST, `${EXCLUDE}-`])),
  );

  moves(
    'a node that is drained of its endpoints hands over',
    async (world) => {
      await setTerminating(world, SERVICE, true);
      await announcedBy(world, SECOND);
    },
    (world) => setTerminating(world, SERVICE, false),
  );

  story('an agent that is restarted hands over before it goes silent', async () => {
    const { world } = stories;
    for (let left = RESTARTS; ; left--) {
      const before = await failovers(world, SECOND, THIRD);
      try {
        return await move(
          () => world.restart(FIRST, 'SIGTERM'),
          async () => {},
        );
      } catch (error) {
        // A machine so busy that a node that lives is silent for 350 ms has not shown what is planned: once more.
        if (left === 1 || (await failovers(world, SECOND, THIRD)) === before) throw error;
      }
    }
  });
}
