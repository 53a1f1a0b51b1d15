/**
 * An API server on LMDB that makes, changes and deletes Services as fast as it can and says so, to be killed:
 * `crash.fixture.ts DIR SEED [POINT NTH]`. Each line is `NAME` with the JSON of its spec, or `NAME` alone when it was
 * deleted: an answer that was given. Kills itself at the NTH transaction, at the point that is named.
 */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { randomBelow, seededRandom } from '../../lib/random.ts';
import { openLmdbStore } from '../../store/lmdb/lmdb-store.ts';
import type { Store } from '../../store/store.ts';
import { SERVICES, service, startTestServer } from '../testing/server.ts';

/** Ends by itself, should nobody kill it. */
const WRITES = 400;
const WRITERS = 4;
const SPECS = [
  { type: 'NodePort' },
  { type: 'ClusterIP' },
  { type: 'LoadBalancer', externalTrafficPolicy: 'Local', ipFamilyPolicy: 'PreferDualStack' },
  { type: 'ExternalName', externalName: 'a.example' },
];

const [dir = '', seed = '', point = '', nth = '0'] = process.argv.slice(2);
const random = seededRandom(Number(seed));

/** A store whose machine dies at a point of a transaction. */
function dying(store: Store): Store {
  let count = 0;
  const die = (now: string) => {
    if (now === point && count >= Number(nth)) process.kill(process.pid, 'SIGKILL');
  };
  return {
    revision: () => store.revision(),
    get: (key, revision) => store.get(key, revision),
    list: (prefix, options) => store.list(prefix, options),
    watch: (prefix, from, signal) => store.watch(prefix, from, signal),
    relax: () => store.relax(),
    compact: (revision) => store.compact(revision),
    close: () => store.close(),
    async txn(compares, operations) {
      count++;
      die('chosen');
      const committed = store.txn(compares, operations);
      die('begun');
      const result = await committed;
      die('committed');
      return result;
    },
  };
}

const api = await startTestServer({ store: dying(await openLmdbStore({ dir: join(dir, 'store') })) });

async function write(writer: number): Promise<void> {
  for (let i = 0; i < WRITES / WRITERS; i++) {
    // Each writer has names of its own, so that the order of its lines is that of its answers.
    const name = `w${writer}-${randomBelow(random, 5)}`;
    const spec = SPECS[randomBelow(random, SPECS.length)] ?? {};
    const path = `${SERVICES}/${name}`;
    const action = randomBelow(random, 3);
    const reply =
      action === 0
        ? await api.call('DELETE', path)
        : action === 1
          ? await api.call('PATCH', path, { body: { spec }, type: 'application/merge-patch+json' })
          : await api.call('POST', SERVICES, { body: service(name, spec) });
    if (reply.code >= 300) continue;
    writeSync(1, action === 0 ? `${name}\n` : `${name} ${JSON.stringify(reply.body.spec)}\n`);
  }
}

await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
await api.close();
