/**
 * The terms of those who lead by a Lease, and the header in which a leader's requests name theirs. An API server of Postern
 * writes nothing for a term that is over, however long the request was on its way; other servers ignore the header.
 */
import type { ObjectKey } from '../../meta/v1.ts';
import type { Lease } from './lease.ts';

/** Holds what {@link printTerm} prints. */
export const TERM_HEADER = 'postern-term';

/** A term, and the Lease that it is of. */
export interface NamedTerm {
  readonly lease: ObjectKey;
  readonly id: string;
}

/** Names a term among all that the lease's name ever had; undefined while nobody holds it. */
export function termOf({ metadata, spec }: Lease): string | undefined {
  return spec?.holderIdentity ? `${metadata.uid}/${spec.leaseTransitions ?? 0}` : undefined;
}

export function printTerm({ lease: { namespace, name }, id }: NamedTerm): string {
  return `${namespace}/${name} ${id}`;
}

/** Undefined for anything else. */
export function parseTerm(text: string): NamedTerm | undefined {
  const [, namespace, name, id] =
    /^([a-z0-9-]{1,63})\/([a-z0-9.-]{1,253}) ([a-f0-9-]{1,64}\/\d{1,10})$/.exec(text) ?? [];
  if (namespace === undefined || name === undefined || id === undefined) return undefined;
  return { lease: { namespace, name }, id };
}
