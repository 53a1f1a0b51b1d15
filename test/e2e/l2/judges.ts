/** What programs of others say of the LAN, from the client's place: who answers for an address, and what passes by. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { CommandError } from '../../../src/host/process.ts';
import type { IPFamily } from '../../../src/lib/ip.ts';
import { LINK, macOf } from './lan.ts';
import type { World } from './world.ts';

export const familyOf = (address: string): IPFamily => (address.includes(':') ? 'IPv6' : 'IPv4');

/** What a command prints, whatever its exit status: arping and ndisc6 call silence a failure. */
async function said(world: World, argv: readonly string[]): Promise<string> {
  try {
    return await world.at('client', argv);
  } catch (error) {
    if (error instanceof CommandError && error.code !== undefined) return error.stdout;
    throw error;
  }
}

/** MACs of everybody who answers for an address: by arping, or ndisc6 when it is of IPv6. Sorted. */
export async function answerers(world: World, address: string): Promise<readonly string[]> {
  const macs = ASK[familyOf(address)](await said(world, QUESTION[familyOf(address)](address)));
  return [...new Set(macs.map((mac) => mac.toLowerCase()))].sort();
}

const QUESTION: Readonly<Record<IPFamily, (address: string) => readonly string[]>> = {
  // Until two have answered, or for a second.
  IPv4: (address) => ['arping', '-b', '-c', '2', '-w', '1', '-I', LINK, address],
  IPv6: (address) => ['ndisc6', '-q', '-m', '-r', '1', '-w', '500', address, LINK],
};

const ASK: Readonly<Record<IPFamily, (output: string) => string[]>> = {
  IPv4: (output) => [...output.matchAll(/reply from \S+ \[(\S+)\]/g)].map(([, mac = '']) => mac),
  IPv6: (output) => output.split(/\s+/).filter((word) => word !== ''),
};

/** The MAC that the client would send to, or undefined. */
export async function neighbor(world: World, address: string): Promise<string | undefined> {
  const shown = await world.at('client', ['ip', 'neigh', 'show', address, 'dev', LINK]);
  return /lladdr (\S+)/.exec(shown)?.[1];
}

/** Waits until the nodes with these names, and nobody else, answer for every one of the addresses. */
export async function answeredBy(
  world: World,
  addresses: readonly string[],
  ...nodes: readonly string[]
): Promise<void> {
  const macs = (await Promise.all(nodes.map((node) => macOf(world, node)))).sort().join();
  await untilAnswered(world, addresses, nodes.join() || 'nobody', (found) => found.join() === macs);
}

/** Waits until one node, and nobody else, answers for each of the addresses. Resolves to their names. */
export async function answeredByOne(world: World, addresses: readonly string[]): Promise<readonly string[]> {
  const macs = await Promise.all(world.nodes.map(({ name }) => macOf(world, name)));
  const isOne = ([mac = '', ...others]: readonly string[]) => macs.includes(mac) && others.length === 0;
  const found = await untilAnswered(world, addresses, 'one node', isOne);
  return found.map(([mac = '']) => world.nodes[macs.indexOf(mac)]?.name ?? '');
}

async function untilAnswered(
  world: World,
  addresses: readonly string[],
  who: string,
  isRight: (macs: readonly string[]) => boolean,
): Promise<readonly (readonly string[])[]> {
  return Promise.all(
    addresses.map((address) =>
      world.eventually(`${who} answers for ${address}`, async () => {
        const found = await answerers(world, address);
        return isRight(found) ? found : undefined;
      }),
    ),
  );
}

/** What tcpdump sees at the client's place while something happens, a line per packet. */
export async function captured(
  world: World,
  filter: string,
  during: (lines: readonly string[]) => Promise<unknown>,
): Promise<readonly string[]> {
  // As root: a program that becomes another user does not end with the one that started it.
  const argv = ['tcpdump', '-Z', 'root', '--immediate-mode', '-lenvv', '-i', LINK, filter];
  const child = world.start('client', argv, { stderr: 'pipe' });
  if (child.stdout === null || child.stderr === null) throw new Error('tcpdump has no output');
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    // What belongs to a packet's first line is indented below it.
    if (/^\s/.test(line)) lines.push(`${lines.pop() ?? ''} ${line.trim()}`);
    else lines.push(line);
  });
  // "tcpdump: listening on eth0, …"
  await once(createInterface({ input: child.stderr }), 'line');
  try {
    await during(lines);
  } finally {
    const ended = once(child, 'close');
    child.kill('SIGTERM');
    await ended;
  }
  return lines;
}
