/** Opens the store that a server is told of. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../../apiserver/storage/keys.ts';
import { systemClock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { seconds } from '../../lib/duration.ts';
import type { Security } from '../../store/etcd/certificates.ts';
import type { EtcdOptions } from '../../store/etcd/etcd-store.ts';
import { openLmdbStore } from '../../store/lmdb/lmdb-store.ts';
import type { Store } from '../../store/store.ts';
import { UserError } from '../errors.ts';
import type { StoreFlags } from '../store-options.ts';

export type StorePlan =
  /** In the server's own directory. */
  { readonly kind: 'lmdb' } | { readonly kind: 'etcd'; readonly options: Omit<EtcdOptions, 'log' | 'clock'> };

/** What the options come to, with the files that they name. Throws {@link UserError}. */
export async function readStore(flags: StoreFlags): Promise<StorePlan> {
  const { store, etcdEndpoints: endpoints, etcdUser, etcdPasswordFile } = flags;
  if (store === 'lmdb') {
    const given = Object.entries(flags).find(([name, value]) => name.startsWith('etcd') && value !== undefined);
    if (given === undefined) return { kind: 'lmdb' };
    throw new UserError(`--${kebab(given[0])} is for an etcd, and objects are kept in --data-dir`, 'Add: --store etcd');
  }
  if (endpoints === undefined) {
    throw new UserError('--store etcd needs to know where it is', 'Add: --etcd-endpoints https://10.0.0.1:2379');
  }
  if ((etcdUser === undefined) !== (etcdPasswordFile === undefined)) {
    throw new UserError('--etcd-user and --etcd-password-file go together', 'Give both, or neither.');
  }
  const reload = () => readSecurity(flags);
  const [security, password] = await Promise.all([reload(), readNamed('--etcd-password-file', etcdPasswordFile)]);
  return {
    kind: 'etcd',
    options: {
      endpoints,
      root: `${ROOT}/`,
      prefix: `${flags.etcdPrefix ?? ROOT}/`,
      ...security,
      reload,
      ...(etcdUser !== undefined && { username: etcdUser, password: (password ?? '').replace(/\r?\n$/, '') }),
    },
  };
}

/** Between attempts at an etcd that does not answer, of which each takes seconds itself. */
const AGAIN = seconds(1);

const TOLD_AGAIN = seconds(30);

const WHEN_AWAY =
  'start etcd, most of its members at least, or mend --etcd-endpoints; where it refuses TLS: --etcd-ca, --etcd-certificate, --etcd-key';
const WHEN_DENIED =
  'Look at --etcd-user and --etcd-password-file, or at the name in --etcd-certificate, and at the roles that etcd gives it.';

/** Opens the store. An etcd that does not answer is waited for: after a power cut it starts no sooner than we do. */
export async function openStore(plan: StorePlan, dataDir: string, log: Logger, signal: AbortSignal): Promise<Store> {
  if (plan.kind === 'lmdb') return openLmdbStore({ dir: join(dataDir, 'store') });
  // Who keeps objects in a directory never pays for gRPC.
  const [{ openEtcdStore }, { StoreDeniedError, StoreUnavailableError }] = await Promise.all([
    import('../../store/etcd/etcd-store.ts'),
    import('../../store/etcd/errors.ts'),
  ]);
  let toldAt = Number.NEGATIVE_INFINITY;
  for (;;) {
    try {
      return await openEtcdStore({ ...plan.options, log });
    } catch (err) {
      if (err instanceof StoreDeniedError) throw new UserError(err.message, WHEN_DENIED, { cause: err });
      if (!(err instanceof StoreUnavailableError)) throw err;
      const now = systemClock.steady();
      if (now - toldAt >= TOLD_AGAIN) {
        toldAt = now;
        log.warn({ reason: err.message, remedy: WHEN_AWAY }, 'etcd does not answer; the server waits for it');
      }
      await systemClock.sleep(AGAIN, signal).catch(() => {}); // The signal is looked at.
      if (signal.aborted) throw err;
    }
  }
}

async function readSecurity(flags: StoreFlags): Promise<Security> {
  const [ca, certificate, key] = await Promise.all([
    readNamed('--etcd-ca', flags.etcdCa),
    readNamed('--etcd-certificate', flags.etcdCertificate),
    readNamed('--etcd-key', flags.etcdKey),
  ]);
  return {
    ...(ca !== undefined && { ca }),
    ...(certificate !== undefined && { certificate }),
    ...(key !== undefined && { key }),
  };
}

async function readNamed(option: string, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new UserError(`${option} ${path}: ${cause instanceof Error ? cause.message : cause}`, undefined, { cause });
  }
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
