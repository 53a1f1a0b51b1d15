/** The contract of stores on one etcd: each test gets a store of its own in it, behind a prefix and counted from where etcd is. */
import { before, type TestContext } from 'node:test';
import { storeContract } from '../contract.ts';
import type { Store } from '../store.ts';
import { type EtcdFixture, fileScope, ROOMY, skipWithoutEtcd, startEtcd } from './etcd.fixture.ts';
import type { EtcdOptions } from './etcd-store.ts';

/** Registers the suite; `share` as in {@link ContractOptions}. */
export function contractOn(name: string, members: number, share: number): void {
  const scope = fileScope();
  const skip = skipWithoutEtcd();
  let etcd: EtcdFixture;
  /** Tells where etcd is. */
  let look: Store;
  let count = 0;
  const opened = new WeakMap<Store, Partial<EtcdOptions>>();

  before(async () => {
    if (skip !== false) return;
    etcd = await startEtcd(scope, { members, argv: ROOMY });
    look = await etcd.open(scope);
  });

  const openWith = async (t: TestContext, options: Partial<EtcdOptions>): Promise<Store> => {
    const store = await etcd.open(t, options);
    opened.set(store, options);
    return store;
  };
  const open = async (t: TestContext): Promise<Store> => {
    const origin = (await look.revision()) + 1;
    return openWith(t, { prefix: `/store-${count++}/`, origin });
  };
  storeContract(name, open, { skip, share, reopen: (store, t) => openWith(t, opened.get(store) ?? {}) });
}
