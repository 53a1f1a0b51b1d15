import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { storeContract } from '../contract.ts';
import type { Store } from '../store.ts';
import { openLmdbStore } from './lmdb-store.ts';

const dirs = new WeakMap<Store, string>();

async function openIn(dir: string): Promise<Store> {
  const store = await openLmdbStore({ dir });
  dirs.set(store, dir);
  return store;
}

async function open(t: TestContext): Promise<Store> {
  const dir = mkdtempSync(join(tmpdir(), 'postern-store-'));
  t.after(() => rmSync(dir, { recursive: true }));
  return openIn(dir);
}

storeContract('LMDB', open, { reopen: (store) => openIn(dirs.get(store) ?? '') });
