/** The kernel's packet filter, by scripts. */
import { setImmediate as turn } from 'node:timers/promises';
import { NftError, type NftRunner } from '../host/nft.ts';
import type { Transaction } from './model.ts';
import { type Netfilter, TransactionError } from './netfilter.ts';
import { printPieces } from './print.ts';

/** How long printing may hold up the event loop, in milliseconds. */
const SLICE = 8;

/** The packet filter of the network namespace that the runner works in. */
export function kernelNetfilter(runner: NftRunner): Netfilter {
  return {
    async apply(transaction) {
      try {
        await runner.run(await print(transaction));
      } catch (cause) {
        if (!(cause instanceof NftError)) throw cause;
        throw new TransactionError(`${transaction.length} operations were refused: ${cause.message}`, transaction, {
          cause,
        });
      }
    },
    async inspect({ family, name }) {
      // A family can have many tables of others: to ask for ours alone, it has to be there.
      const tables = await runner.list(`list tables ${family}`);
      if (!tables.split('\n').includes(`table ${family} ${name}`)) return undefined;
      return countRules(await runner.list(`list table ${family} ${name}`));
    },
  };
}

async function print(transaction: Transaction): Promise<string> {
  const pieces: string[] = [];
  let since = performance.now();
  for (const piece of printPieces(transaction)) {
    pieces.push(piece);
    if (performance.now() - since < SLICE) continue;
    await turn();
    since = performance.now();
  }
  return pieces.join('');
}

/** Rules per chain in what `nft list table` prints: a line each within the chain's braces, besides that of its hook. */
export function countRules(listing: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  let chain: string | undefined;
  for (const line of listing.split('\n')) {
    const text = line.trim();
    const opened = /^chain (\S+) \{$/.exec(text)?.[1];
    if (opened !== undefined) {
      chain = opened;
      counts.set(chain, 0);
    } else if (text === '}') {
      chain = undefined;
    } else if (chain !== undefined && text !== '' && !text.startsWith('type ')) {
      counts.set(chain, (counts.get(chain) ?? 0) + 1);
    }
  }
  return counts;
}
