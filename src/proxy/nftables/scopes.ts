/** The kinds of frontends: each has its own maps and chains, called after it. */
import type { Atom, Concatenation, NamedSet, TransportProtocol } from '../../netfilter/model.ts';
import type { Audience, Entrance, Frontend } from '../forwarding/forwarding.ts';
import { daddr } from './words.ts';

export interface Scope {
  readonly audience: Audience;
  readonly entrance: Entrance['kind'];
}

export const SCOPES: readonly Scope[] = [
  { audience: 'insiders', entrance: 'address' },
  { audience: 'insiders', entrance: 'node-port' },
  { audience: 'anyone', entrance: 'address' },
  { audience: 'anyone', entrance: 'node-port' },
];

export const PROTOCOLS: readonly TransportProtocol[] = ['tcp', 'udp', 'sctp'];

export const scopeOf = (frontend: Pick<Frontend, 'audience' | 'entrance'>): Scope => ({
  audience: frontend.audience,
  entrance: frontend.entrance.kind,
});

/** Map from a frontend to the number of its destination: see `destinations.ts`. */
export const frontendMap = (scope: Scope): string =>
  `${scope.audience === 'insiders' ? 'inside-' : ''}${scope.entrance === 'address' ? 'service' : 'node-port'}`;

export function frontends(scope: Scope): NamedSet {
  const port = ['inet_proto', 'inet_service'] as const;
  const types = scope.entrance === 'address' ? (['address', ...port] as const) : port;
  return { name: frontendMap(scope), key: { kind: 'types', types }, value: { kind: 'types', types: ['classid'] } };
}

/** What a map has for a key. */
export type LookUp = (map: string, key: readonly Atom[]) => readonly Atom[] | undefined;

/** Keys begin with the address, where the entrance is one. */
export const frontendAddress = (scope: Scope): Concatenation => (scope.entrance === 'address' ? [daddr] : []);
