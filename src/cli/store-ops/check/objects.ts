/** What is wrong with single entries. Pure. */
import type { AnyKind } from '../../../api/kinds.ts';
import { isMapping } from '../../../api/value.ts';
import type { Entry, Revision } from '../../../store/store.ts';
import type { Place } from './places.ts';
import type { Problem } from './problem.ts';

const RESTORE = 'Restore it from a backup, or delete the key with the tools of the store.';
const REWRITE = 'Write it again as it should be, or delete the key with the tools of the store.';

/** How a kube-apiserver begins what it stores in protobuf. */
const PROTOBUF = Buffer.from('k8s\0');

/** The value of an entry, or why it has none. */
export type Decoded =
  | { readonly ok: true; readonly value: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly problem: Problem };

export function decodeValue({ key, value }: Entry): Decoded {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
  const fail = (message: string, remedy = RESTORE): Decoded => ({
    ok: false,
    problem: { severity: 'error', key, message, remedy },
  });
  if (bytes.subarray(0, PROTOBUF.length).equals(PROTOBUF)) {
    const remedy =
      'Have that kube-apiserver write it as JSON: --storage-media-type application/json, and write each object once.';
    return fail('is in protobuf, as a kube-apiserver wrote it; Postern reads JSON', remedy);
  }
  try {
    const parsed: unknown = JSON.parse(bytes.toString('utf8'));
    return isMapping(parsed) ? { ok: true, value: parsed } : fail('is JSON, and no object');
  } catch (error) {
    return fail(`is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}

/** Whether the revisions of an entry can be, in a store at a revision. */
export function revisionProblems({ key, created, modified }: Entry, revision: Revision): readonly Problem[] {
  if (created >= 1 && created <= modified && modified <= revision) return [];
  const message = `was made at revision ${created} and modified at ${modified}, in a store at ${revision}`;
  return [{ severity: 'error', key, message, remedy: 'The store is damaged: restore it from a backup.' }];
}

/** Where an object does not say what its key says, or lacks what every object has. */
export function objectProblems(
  key: string,
  { kinds, namespace, name }: Extract<Place, { at: 'object' }>,
  object: Readonly<Record<string, unknown>>,
): readonly Problem[] {
  const problems: Problem[] = [];
  const expect = (field: string, found: unknown, allowed: readonly (string | undefined)[]) => {
    if (allowed.includes(found as string | undefined)) return;
    const is = found === undefined ? 'missing' : JSON.stringify(found);
    const should = allowed.map((each) => each ?? 'none').join(' or ');
    const message = `${field} is ${is}; where it is kept it is ${should}`;
    problems.push({ severity: 'error', key, message, remedy: REWRITE });
  };
  const metadata = isMapping(object['metadata']) ? object['metadata'] : {};
  expect(
    'apiVersion',
    object['apiVersion'],
    kinds.map(({ apiVersion }) => apiVersion),
  );
  expect('kind', object['kind'], [kinds[0].kind]);
  expect('metadata.name', metadata['name'], [name]);
  expect('metadata.namespace', metadata['namespace'], [namespace]);
  const { uid, creationTimestamp: time } = metadata;
  const lacks = (field: string) =>
    problems.push({ severity: 'error', key, message: `${field} is missing or cannot be`, remedy: REWRITE });
  if (typeof uid !== 'string' || uid === '') lacks('metadata.uid');
  if (typeof time !== 'string' || Number.isNaN(Date.parse(time))) lacks('metadata.creationTimestamp');
  return problems;
}

/** A key in the folder of a kind that none of its objects can have. */
export function misplaced(key: string, [kind]: readonly [AnyKind, ...AnyKind[]]): Problem {
  const shape = kind.namespaced ? 'NAMESPACE/NAME' : 'NAME';
  const message = `is in the folder of ${kind.plural}, whose keys end in ${shape}`;
  return { severity: 'error', key, message, remedy: 'Delete the key with the tools of the store: no server sees it.' };
}
