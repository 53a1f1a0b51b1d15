/** Which kind the objects of a key are of, by where it is. Pure. */
import { type AnyKind, HELD_KINDS } from '../../../api/kinds.ts';
import {
  CLUSTER_AUTHORITY,
  CLUSTER_CIDRS,
  kindPrefix,
  NODE_PORTS,
  POOL_RANGES,
  ROOT,
} from '../../../apiserver/storage/keys.ts';
import { isOurs } from '../../../store/etcd/mark.ts';

export type Place =
  /** `kinds`: the versions of one kind. `namespace` and `name` as the key has them. */
  | {
      readonly at: 'object';
      readonly kinds: readonly [AnyKind, ...AnyKind[]];
      readonly namespace: string | undefined;
      readonly name: string;
    }
  /** Within the folder of a kind, where none of its objects can be. */
  | { readonly at: 'misplaced'; readonly kinds: readonly [AnyKind, ...AnyKind[]] }
  | { readonly at: 'node-port'; readonly port: string }
  /** Ours, and of no meaning outside of the server. */
  | { readonly at: 'own' }
  /** `folder`: as much of the key as names a kind. */
  | { readonly at: 'elsewhere'; readonly folder: string };

const OWN: ReadonlySet<string> = new Set([POOL_RANGES, CLUSTER_AUTHORITY, CLUSTER_CIDRS]);

const KINDS_BY_PREFIX = new Map<string, [AnyKind, ...AnyKind[]]>();
for (const kind of HELD_KINDS) {
  const known = KINDS_BY_PREFIX.get(kindPrefix(kind));
  if (known === undefined) KINDS_BY_PREFIX.set(kindPrefix(kind), [kind]);
  else known.push(kind);
}

export function placeOf(key: string): Place {
  if (key.startsWith(NODE_PORTS)) return { at: 'node-port', port: key.slice(NODE_PORTS.length) };
  if (OWN.has(key) || isOurs(key, { root: `${ROOT}/` })) return { at: 'own' };
  const parts = key.split('/');
  // `/registry/pods/` and the like, or `/registry/services/specs/` and what has a group.
  for (const length of [3, 4]) {
    const prefix = `${parts.slice(0, length).join('/')}/`;
    const kinds = KINDS_BY_PREFIX.get(prefix);
    if (kinds === undefined) continue;
    const [first, second, ...more] = parts.slice(length);
    const [namespace, name] = kinds[0].namespaced ? [first, second] : [undefined, first];
    const count = kinds[0].namespaced ? 2 : 1;
    const whole = parts.length === length + count && more.length === 0 && name !== undefined && name !== '';
    return whole ? { at: 'object', kinds, namespace, name } : { at: 'misplaced', kinds };
  }
  return { at: 'elsewhere', folder: `${parts.slice(0, 3).join('/')}/` };
}
