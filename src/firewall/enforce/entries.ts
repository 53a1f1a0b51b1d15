/** What is enforced as elements of sets, and back. */
import { type Admission, admissionKey, type Opening } from '../backend.ts';
import type { Entry } from '../nftables/elements.ts';
import { EVERYWHERE } from '../ruleset/prefixes.ts';
import { SOCKETS } from '../ruleset/verdict.ts';
import type { Reading } from './reading.ts';

/** What says that an address and port is guarded, and, where only some are to come, on whose behalf. */
export function guardedEntries({ family, address, protocol, port, sources }: Admission): readonly Entry[] {
  const entry: Entry = { family, address, protocol, port };
  // Whoever translates lets in nobody.
  if (sources?.length === 0) return [];
  if (sources === undefined || sources.includes(EVERYWHERE[family])) return [entry];
  return [entry, ...sources.map((source) => ({ ...entry, source }))];
}

/** Who is admitted there: for each way of the reading, and at last for all others. */
export function admittedEntries(opening: Opening, { ways, others }: Reading): readonly (readonly Entry[])[] {
  const { kind, family, address, protocol, port, sources } = opening;
  if (guardedEntries(opening).length === 0) return [];
  return [...ways.map((way) => way.sources), others].map((admits) => {
    // Of a socket, the firewall sees every packet itself.
    const admitted = SOCKETS.has(kind) ? [EVERYWHERE[family]] : admits(opening, sources);
    const to: Entry = { family, address, protocol, port };
    return admitted.map((source) => (source === EVERYWHERE[family] ? to : { ...to, source }));
  });
}

/** The admissions that are guarded by these. */
export function guardedAdmissions(entries: Iterable<Entry>): readonly Admission[] {
  const found = new Map<string, Admission & { readonly sources: string[] }>();
  for (const { source, ...to } of entries) {
    const one = { ...to, policy: 'enforce' } as const;
    const key = admissionKey(one);
    const known = found.get(key) ?? { ...one, sources: [] };
    if (source !== undefined) known.sources.push(source);
    found.set(key, known);
  }
  return [...found.values()].map(({ sources, ...one }) =>
    sources.length === 0 ? one : { ...one, sources: sources.sort() },
  );
}
