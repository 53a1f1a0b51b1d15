/** The kernel's packet filter, by scripts, and by netlink messages where these are much faster. */

import { NetlinkError, netfilterDump } from '../host/netlink-dump.ts';
import { NftError, type NftRunner } from '../host/nft.ts';
import { countRules } from '../host/nft-rules.ts';
import { paced } from '../host/paced.ts';
import { ElementDecoder, encodeElementDump } from './decode.ts';
import { encodeElementChange, isElementChange } from './element-change.ts';
import { EncoderMemory } from './encode.ts';
import { isFirstLoad, loadFirst } from './first-load.ts';
import type { NamedSet, TableName, Transaction } from './model.ts';
import { type Netfilter, TransactionError } from './netfilter.ts';
import { inParts } from './parts.ts';
import { printPieces } from './print.ts';

/** The packet filter of the network namespace that the runner works in. */
export function kernelNetfilter(runner: NftRunner): Netfilter {
  const memory = new EncoderMemory();
  return {
    async apply(transaction) {
      try {
        if (isElementChange(transaction)) await runner.send(encodeElementChange(transaction, memory));
        else await run(runner, transaction);
      } catch (cause) {
        if (!(cause instanceof NftError)) throw cause;
        throw new TransactionError(`${transaction.length} operations were refused: ${cause.message}`, transaction, {
          cause,
        });
      }
    },
    inspect: ({ family, name }) => countRules(family, name),
    elements: (table, set) => kernelElements(table, set, (decoder, payload) => decoder.decode(payload)),
    counters: (table, set) => kernelElements(table, set, (decoder, payload) => decoder.decodeCounters(payload)),
  };
}

async function* kernelElements<T>(
  table: TableName,
  set: NamedSet,
  decode: (decoder: ElementDecoder, payload: Uint8Array) => readonly T[],
): AsyncGenerator<readonly T[]> {
  const decoder = new ElementDecoder(table, set);
  try {
    for await (const messages of netfilterDump(encodeElementDump(table, set.name))) {
      yield messages.flatMap(({ payload }) => decode(decoder, payload));
    }
  } catch (error) {
    if (!(error instanceof NetlinkError && error.code === 'ENOENT')) throw error;
  }
}

async function run(runner: NftRunner, transaction: Transaction): Promise<void> {
  const script = (part: Transaction) => runScript(runner, part);
  await ((await isFirstLoad(transaction))
    ? loadFirst(transaction, { script, send: (messages) => runner.send(messages) })
    : script(transaction));
}

/**
 * As one transaction where the kernel takes it. Only the privileged may send it more than net.core.wmem_default (208 KiB)
 * at once; for others, a large load takes effect part by part.
 */
async function runScript(runner: NftRunner, transaction: Transaction): Promise<void> {
  if (transaction.length === 0) return;
  try {
    await runner.run(await print(transaction));
  } catch (error) {
    const parts = inParts(transaction);
    if (!(error instanceof NftError && error.tooLong) || parts.length === 1) throw error;
    for (const part of parts) await runner.run(await print(part));
  }
}

async function print(transaction: Transaction): Promise<string> {
  const pieces: string[] = [];
  const breathe = paced();
  for (const piece of printPieces(transaction)) {
    pieces.push(piece);
    await breathe();
  }
  return pieces.join('');
}
