/** What a client outside of the cluster reaches, and what it does not. */
import assert from 'node:assert/strict';
import { eventually, type NodeName, type World } from './world.ts';

/** Addresses of the lab's nodes on its LAN. */
export const ADDRESSES: Readonly<Record<NodeName, readonly [string, string]>> = {
  node1: ['192.168.77.11', 'fd00:77::b'],
  node2: ['192.168.77.12', 'fd00:77::c'],
  node3: ['192.168.77.13', 'fd00:77::d'],
};

/** Seconds in which who is let in is answered, also on a busy machine, and after which it is taken that nobody will answer. */
const ANSWERED_IN = 5;
const SILENT_FOR = 0.5;

export const urlOf = (address: string, port = 80): string =>
  `http://${address.includes(':') ? `[${address}]` : address}:${port}/`;

/** A port at every address of some nodes. */
export const urlsAt = (nodes: readonly NodeName[], port: number): readonly string[] =>
  nodes.flatMap((node) => ADDRESSES[node].map((address) => urlOf(address, port)));

/** The address in a URL. */
export const bare = (url: string): string => new URL(url).hostname.replace(/[[\]]/g, '');

/** Resolves when every one of these has answered. */
export async function answers(world: World, urls: readonly string[]): Promise<void> {
  const silent = new Set(urls);
  const ask = async (url: string) => {
    if ((await world.fetch(url, ANSWERED_IN)) !== undefined) silent.delete(url);
  };
  await eventually(`answers from ${urls.join(' ')}`, async () => {
    await Promise.all([...silent].map(ask));
    return silent.size === 0 || undefined;
  });
}

/** Resolves when not one of these answers. */
export async function untilSilent(world: World, urls: readonly string[]): Promise<void> {
  await eventually(`silence at ${urls.join(' ')}`, async () => (await heard(world, urls)).length === 0 || undefined);
}

/** Not one of these answers, from now on. */
export async function isSilent(world: World, urls: readonly string[]): Promise<void> {
  assert.deepEqual(await heard(world, urls), []);
}

/** Those that answer. */
async function heard(world: World, urls: readonly string[]): Promise<readonly string[]> {
  const all = await Promise.all(urls.map((url) => world.fetch(url, SILENT_FOR)));
  return urls.filter((_, i) => all[i] !== undefined);
}
