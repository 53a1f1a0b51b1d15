/** What is wrong between objects: owners, namespaces and uids. Holds no objects, only names of them. */
import { HELD_KINDS } from '../../../api/kinds.ts';
import { isMapping } from '../../../api/value.ts';
import type { Problem } from './problem.ts';

interface Reference {
  readonly key: string;
  readonly uid: string;
  /** `Pod web-1`. */
  readonly owner: string;
}

/** What owners are looked for: others may be of kinds that are kept elsewhere. */
const KNOWN = new Set(HELD_KINDS.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`));

export class Relations {
  readonly #keyOfUid = new Map<string, string>();
  readonly #references: Reference[] = [];
  readonly #namespaces = new Set<string>();
  /** The first key of each namespace that objects are in, and how many there are. */
  readonly #used = new Map<string, { readonly key: string; count: number }>();
  readonly #problems: Problem[] = [];

  add(key: string, namespace: string | undefined, object: Readonly<Record<string, unknown>>): void {
    const metadata = isMapping(object['metadata']) ? object['metadata'] : {};
    const { uid, name, ownerReferences } = metadata;
    if (typeof uid === 'string') this.#addUid(key, uid);
    if (object['kind'] === 'Namespace' && object['apiVersion'] === 'v1') this.#namespaces.add(String(name));
    if (namespace !== undefined) {
      const used = this.#used.get(namespace);
      if (used === undefined) this.#used.set(namespace, { key, count: 1 });
      else used.count++;
    }
    for (const reference of Array.isArray(ownerReferences) ? ownerReferences : []) {
      if (!isMapping(reference) || !KNOWN.has(`${reference['apiVersion']} ${reference['kind']}`)) continue;
      this.#references.push({
        key,
        uid: String(reference['uid']),
        owner: `${reference['kind']} ${reference['name']}`,
      });
    }
  }

  /** Once everything has been added. */
  problems(): readonly Problem[] {
    const dangling = this.#references
      .filter(({ uid }) => !this.#keyOfUid.has(uid))
      .map(({ key, owner, uid }): Problem => {
        const message = `is owned by ${owner} of uid ${uid}, which is not there`;
        return { severity: 'warning', key, message, remedy: 'The garbage collector removes it while controllers run.' };
      });
    const homeless = [...this.#used]
      .filter(([namespace]) => !this.#namespaces.has(namespace))
      .map(([namespace, { key, count }]): Problem => {
        const message = `is in namespace ${namespace}, which is not there, like ${count - 1} others`;
        return { severity: 'warning', key, message, remedy: `Make it again: kubectl create namespace ${namespace}` };
      });
    return [...this.#problems, ...homeless, ...dangling];
  }

  #addUid(key: string, uid: string): void {
    const other = this.#keyOfUid.get(uid);
    this.#keyOfUid.set(uid, key);
    if (other === undefined) return;
    const message = `has the uid of ${other}`;
    const remedy = 'Delete one of the two and make it again: what is owned by either cannot be told apart.';
    this.#problems.push({ severity: 'error', key, message, remedy });
  }
}
