/** Makes and completes the default roles and bindings at the start of a server; of several that do it at once, one writes. */
import type { AnyKind } from '../../../../api/kinds.ts';
import type { KubeObject } from '../../../../api/meta/v1.ts';
import { ClusterRole } from '../../../../api/rbac/v1/clusterrole.ts';
import { ClusterRoleBinding } from '../../../../api/rbac/v1/clusterrolebinding.ts';
import type { Compare, Operation } from '../../../../store/store.ts';
import type { Api } from '../../../context.ts';
import { encode } from '../../../storage/codec.ts';
import { kindPrefix, objectKey } from '../../../storage/keys.ts';
import { completeChange, completeNew } from '../../../verbs/complete.ts';
import { birthOf } from '../../../verbs/create.ts';
import { DEFAULT_BINDINGS } from './bindings.ts';
import { COMPONENT_ROLES } from './component-roles.ts';
import { bindingStep, roleStep, type Step, withFirstRules } from './desired.ts';
import { USER_ROLES } from './user-roles.ts';

/** etcd takes no more than 128 operations in a transaction, unless it is told otherwise. */
const BATCH = 100;
/** With so many others writing roles at the same time, the server does not start. */
const ATTEMPTS = 10;

interface Put {
  readonly compare: Compare;
  readonly operation: Operation;
}

/** Throws when the store does, or when others change default roles all the time. */
export async function ensureDefaultPolicy(api: Pick<Api, 'store' | 'codec' | 'clock'>): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const puts = [
      ...(await missing(api, ClusterRole, withFirstRules([...COMPONENT_ROLES, ...USER_ROLES]), roleStep)),
      ...(await missing(api, ClusterRoleBinding, DEFAULT_BINDINGS, bindingStep)),
    ];
    if (await writeAll(api, puts)) return;
  }
  throw new Error('the default roles could not be completed: others change them all the time');
}

/** False when something has changed since it was read. */
async function writeAll({ store }: Pick<Api, 'store'>, puts: readonly Put[]): Promise<boolean> {
  for (let start = 0; start < puts.length; start += BATCH) {
    const some = puts.slice(start, start + BATCH);
    const { ok } = await store.txn(
      some.map(({ compare }) => compare),
      some.map(({ operation }) => operation),
    );
    if (!ok) return false;
  }
  return true;
}

async function missing<T extends KubeObject>(
  api: Pick<Api, 'store' | 'codec' | 'clock'>,
  kind: AnyKind,
  wanted: readonly T[],
  decide: (wanted: T, found: T | undefined) => Step<T>,
): Promise<readonly Put[]> {
  const { entries } = await api.store.list(kindPrefix(kind));
  const stored = new Map(entries.map((entry) => [entry.key, entry]));
  return wanted.flatMap((one): readonly Put[] => {
    const key = objectKey(kind, undefined, one.metadata.name ?? '');
    const entry = stored.get(key);
    const found = entry && (api.codec.decode(entry).object as T);
    const step = decide(one, found);
    if (step.kind === 'nothing') return [];
    const object =
      step.kind === 'update' && found !== undefined
        ? completeChange(kind, step.object, found, 'object')
        : completeNew(kind, step.object, birthOf(api));
    const value = encode(object);
    return [{ compare: { key, modified: entry?.modified ?? 0 }, operation: { kind: 'put', key, value } }];
  });
}
