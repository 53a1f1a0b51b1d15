/**
 * The first load of large tables: their layout as a script, their elements as netlink messages. Several times as fast as
 * all of it in one script, and no single moment; so only for tables that are not there yet.
 */
import { BATCH_LIMIT } from '../host/nft-batch.ts';
import { countRules } from '../host/nft-rules.ts';
import { ElementEncoder, EncoderMemory, isEncodable } from './encode.ts';
import type { Element, Operation, Table, Transaction } from './model.ts';

type Load = Extract<Operation, { kind: 'replace-table' }>;

/** With fewer elements than this, one script takes under 50 ms. */
const LARGE = 5000;
/** Elements of a set that are encoded at a time. */
const RUN = 500;

/** Whether a transaction is worth {@link loadFirst}: large, nothing but tables, and none of them in the kernel yet. */
export async function isFirstLoad(transaction: Transaction): Promise<boolean> {
  const loads = transaction.filter((operation) => operation.kind === 'replace-table');
  if (loads.length < transaction.length || !loads.some(isLarge)) return false;
  for (const { table } of loads) if ((await countRules(table.family, table.name)).size > 0) return false;
  return true;
}

/** Ways into the kernel: operations that become a script, and messages. */
export interface Ways {
  readonly script: (part: Transaction) => Promise<void>;
  readonly send: (messages: readonly Uint8Array[]) => Promise<void>;
}

/** Loads tables. Throws what refused any of it, and leaves none of the tables. */
export async function loadFirst(transaction: Transaction, { script, send }: Ways): Promise<void> {
  const loads = transaction.filter((operation) => operation.kind === 'replace-table');
  await script(loads.map((load) => ({ ...load, elements: [] })));
  try {
    for (const load of loads) await script(await sendElements(load, send));
  } catch (error) {
    await script(loads.map(({ table }) => ({ kind: 'delete-table', table })));
    throw error;
  }
}

function isLarge({ elements }: Load): boolean {
  let count = 0;
  for (const _ of elements) if (++count >= LARGE) return true;
  return false;
}

/** Sends in batches, so that the event loop turns between them. Returns how to add the elements that are for a script. */
async function sendElements(load: Load, send: Ways['send']): Promise<Transaction> {
  const rest: Operation[] = [];
  let batch: Uint8Array[] = [];
  let size = 0;
  for (const message of encodeMessages(load, rest)) {
    if (size + message.length > BATCH_LIMIT) {
      await send(batch);
      batch = [];
      size = 0;
    }
    batch.push(message);
    size += message.length;
  }
  if (batch.length > 0) await send(batch);
  return rest;
}

/** What leads somewhere comes last: no packet is to be led to what is not there yet. */
function* encodeMessages({ table, elements }: Load, rest: Operation[]): Iterable<Uint8Array> {
  const encoders = encodersOf(table);
  const verdicts = new Set(table.sets.filter(({ value }) => value === 'verdict').map(({ name }) => name));
  const waiting = new Map<string, Element[]>();
  for (const placed of elements) {
    const { set, element } = placed;
    const encoder = encoders.get(set);
    if (encoder === undefined) {
      rest.push({ kind: 'add-element', table, placed });
      continue;
    }
    const run = waiting.get(set) ?? [];
    if (run.push(element) === 1) waiting.set(set, run);
    if (run.length < RUN || verdicts.has(set)) continue;
    yield* encoder.encode(run);
    waiting.delete(set);
  }
  const last = [...waiting].sort(([a], [b]) => Number(verdicts.has(a)) - Number(verdicts.has(b)));
  for (const [set, run] of last) yield* encoders.get(set)?.encode(run) ?? [];
}

function encodersOf(table: Table): ReadonlyMap<string, ElementEncoder> {
  const memory = new EncoderMemory();
  return new Map(
    table.sets.filter(isEncodable).map((set) => [set.name, new ElementEncoder(table, set, memory)] as const),
  );
}
