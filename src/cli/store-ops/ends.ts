/** The stores that a command is told of: opened to be read as a whole, or to be filled. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { silentLogger } from '../../host/log.ts';
import type { Store } from '../../store/store.ts';
import type { Snapshot } from '../../store/transfer/snapshot.ts';
import type { Filling, Target } from '../../store/transfer/target.ts';
import { UserError } from '../errors.ts';
import type { StorePlan } from '../wiring/store.ts';

/** A store in `dataDir`, or in an etcd. */
export interface End {
  readonly plan: StorePlan;
  readonly dataDir: string | undefined;
}

export interface OpenSnapshot {
  readonly snapshot: Snapshot;
  /** The store itself where others may write to it meanwhile. */
  readonly shared: Store | undefined;
  /** How far its revisions are ahead of those of the etcd that it is in. */
  readonly ahead: number;
  close(): Promise<void>;
}

/** In words: `the store in ./data/store`, `the store in etcd at https://10.0.0.1:2379 under /registry/`. */
export function describe({ plan, dataDir }: End): string {
  if (plan.kind === 'lmdb') return `the store in ${storeDir(dataDir)}`;
  return `the store in etcd at ${plan.options.endpoints.join(',')} under ${plan.options.prefix ?? '/'}`;
}

/** `alone`: whether nobody else may have it open. Of etcd nobody can tell: who writes to it meanwhile has to be looked for. */
export async function openSnapshot(end: End, { alone }: { readonly alone: boolean }): Promise<OpenSnapshot> {
  const { plan, dataDir } = end;
  if (plan.kind === 'lmdb') {
    const dir = storeDir(dataDir);
    if (!existsSync(join(dir, 'data.mdb'))) {
      throw new UserError(
        `there is no store in ${dir}`,
        'Name the directory that a server keeps everything in: --data-dir DIR',
      );
    }
    const { openLmdbSnapshot } = await import('../../store/lmdb/snapshot.ts');
    const snapshot = await openLmdbSnapshot({ dir, alone });
    return { snapshot, shared: undefined, ahead: 0, close: () => snapshot.close() };
  }
  const [{ openEtcdStore }, { etcdSnapshot }] = await Promise.all([
    import('../../store/etcd/etcd-store.ts'),
    import('../../store/etcd/transfer.ts'),
  ]);
  const store = await openEtcdStore({ ...plan.options, log: silentLogger });
  try {
    return {
      snapshot: await etcdSnapshot(store, plan.options),
      shared: store,
      ahead: store.ahead,
      close: () => store.close(),
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

export async function openTarget({ plan, dataDir }: End, filling: Filling): Promise<Target> {
  if (plan.kind === 'lmdb') {
    const { openLmdbTarget } = await import('../../store/lmdb/target.ts');
    return openLmdbTarget(storeDir(dataDir), filling);
  }
  const { openEtcdTarget } = await import('../../store/etcd/transfer.ts');
  return openEtcdTarget({ ...plan.options, log: silentLogger }, filling);
}

export function storeDir(dataDir: string | undefined): string {
  if (dataDir === undefined) {
    throw new UserError('which store? None was named', 'Add: --data-dir DIR, or --store etcd --etcd-endpoints URLS');
  }
  return join(dataDir, 'store');
}
