/** Writers that note what they sent and what they were answered, so that a crash can be judged by what is there afterwards. */
import { ConfigMap } from '../../src/api/core/v1/configmap.ts';
import type { Client } from '../../src/client/client.ts';
import { now } from '../e2e/l2/traffic.ts';

/** One write: an object of its own, made once. */
export interface Write {
  readonly name: string;
  readonly sent: number;
  /** Its resourceVersion, when it was answered; else why not: the outcome is unknown. */
  readonly answer:
    | { readonly kind: 'made'; readonly revision: bigint }
    | { readonly kind: 'unknown'; readonly why: string };
}

export interface Load {
  /** Writes a second, all writers together. */
  readonly perSecond: number;
  /** How many writers there are: as many writes may be under way. */
  readonly writers: number;
}

/**
 * Writes until the signal is aborted, and resolves to what was noted. A writer waits for one answer before its next write; `clients`
 * are used in turn, as each has a few connections only.
 */
export async function recordWrites(
  clients: readonly Client[],
  prefix: string,
  { perSecond, writers }: Load,
  signal: AbortSignal,
): Promise<readonly Write[]> {
  const writes: Write[] = [];
  const interval = (1000 * writers) / perSecond;
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      const began = now() + (writer * interval) / writers;
      const client = clients[writer % clients.length];
      if (client === undefined) throw new Error('writers need a client');
      for (let i = 0; !signal.aborted; i++) {
        await pause(began + i * interval - now());
        if (signal.aborted) break;
        writes.push(await write(client, `${prefix}-${writer}-${i}`));
      }
    }),
  );
  return writes;
}

async function write(client: Client, name: string): Promise<Write> {
  const sent = now();
  try {
    const made = await client.create(ConfigMap, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace: 'default' },
      data: { name },
    });
    return { name, sent, answer: { kind: 'made', revision: BigInt(made.metadata.resourceVersion ?? 0) } };
  } catch (error) {
    return { name, sent, answer: { kind: 'unknown', why: error instanceof Error ? error.message : String(error) } };
  }
}

/** What contradicts the answers that writers were given, in words; nothing when all is as it was told. */
export function contradictions(
  writes: readonly Write[],
  found: ReadonlyMap<string, { readonly revision: bigint; readonly value: string | undefined }>,
): readonly string[] {
  return writes.flatMap(({ name, answer }) => {
    if (answer.kind === 'unknown') return [];
    const object = found.get(name);
    if (object === undefined) return [`${name} was acknowledged at ${answer.revision} and is not there`];
    if (object.revision !== answer.revision || object.value !== name) {
      return [`${name} was acknowledged at ${answer.revision} and is at ${object.revision} with ${object.value}`];
    }
    return [];
  });
}

/** What there is of a prefix, by name, as a server tells it. */
export async function readBack(
  client: Client,
  prefix: string,
): Promise<ReadonlyMap<string, { readonly revision: bigint; readonly value: string | undefined }>> {
  const { items } = await client.list(ConfigMap, { namespace: 'default' });
  return new Map(
    items
      .filter(({ metadata }) => metadata.name?.startsWith(`${prefix}-`))
      .map(({ metadata, data }) => [
        metadata.name ?? '',
        { revision: BigInt(metadata.resourceVersion ?? 0), value: data?.['name'] },
      ]),
  );
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
