/**
 * Where frontends lead, as numbers: their maps hold a number for each, which the scratch register takes to a small map that
 * leads to the chain. Whenever an element that leads to a chain changes, the kernel looks for loops by following every such
 * element of the table; so there are few of these, and none of them is a Service's.
 */
import { goto, type NamedSet, type Placed, SCRATCH } from '../../netfilter/model.ts';
import type { Frontend } from '../forwarding/forwarding.ts';
import { frontendMap, PROTOCOLS, SCOPES, type Scope } from './scopes.ts';

/** Bits for the number of endpoints: `MAX_ENDPOINTS` and those of the longest affinity fit. */
const COUNT_BITS = 12;

/** Stands for chains that refuse and discard, beside a number of endpoints of 0. */
const UNAVAILABLE: Readonly<Record<Frontend['unavailable'], number>> = { refuse: 0, discard: 1 };

/** Chains that refuse and discard; `reject` and `drop` are words of the language. */
export const UNAVAILABLE_CHAINS = { refuse: 'refuse', discard: 'discard' } as const;

/** What stands for the chain of a frontend, within its scope and protocol. */
export function destinationOf({ endpoints, affinity = 0, unavailable }: Frontend): number {
  return endpoints.length > 0 ? numbered(endpoints.length, affinity) : numbered(0, UNAVAILABLE[unavailable]);
}

const numbered = (count: number, kind: number): number => SCRATCH.first + kind * 2 ** COUNT_BITS + count;

/** Map from a protocol and the number of a destination to its chain. */
export const chainMap = (scope: Scope): string => `${frontendMap(scope)}-chain`;

export function destinations(scope: Scope): NamedSet {
  return { name: chainMap(scope), key: { kind: 'types', types: ['inet_proto', 'classid'] }, value: 'verdict' };
}

/** The chains of frontends without endpoints, which are always there. */
export function unavailableElements(): Placed[] {
  const kinds = ['refuse', 'discard'] as const;
  return SCOPES.flatMap((scope) =>
    PROTOCOLS.flatMap((protocol) =>
      kinds.map((kind): Placed => {
        const key = [protocol, numbered(0, UNAVAILABLE[kind])];
        return { set: chainMap(scope), element: { key, value: goto(UNAVAILABLE_CHAINS[kind]) } };
      }),
    ),
  );
}
