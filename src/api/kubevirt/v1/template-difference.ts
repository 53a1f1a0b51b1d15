/** What changed in a machine's template since its running instance was made from it: why a restart is required. */
import { isMapping, ownValue, sameValue } from '../../value.ts';
import type { VirtualMachine } from './virtualmachine.ts';

/** The part of a template that an instance is made from. */
export type Template = VirtualMachine['spec']['template'];

/** More differences than this are not listed one by one. */
const MAX_LISTED = 20;

/**
 * Paths of the fields that differ, sorted: `spec.template.metadata.labels["special"]`. Of the metadata only labels and
 * annotations count: nothing else reaches an instance.
 */
export function templateDifference(from: Template, to: Template): readonly string[] {
  const paths = [
    ...differences(from.metadata?.labels ?? {}, to.metadata?.labels ?? {}, 'spec.template.metadata.labels'),
    ...differences(
      from.metadata?.annotations ?? {},
      to.metadata?.annotations ?? {},
      'spec.template.metadata.annotations',
    ),
    ...differences(from.spec, to.spec, 'spec.template.spec'),
  ];
  return paths.sort().slice(0, MAX_LISTED);
}

function differences(from: unknown, to: unknown, path: string): readonly string[] {
  if (sameValue(from, to)) return [];
  if (isMapping(from) && isMapping(to)) {
    const keys = new Set([...Object.keys(from), ...Object.keys(to)]);
    return [...keys].flatMap((key) => differences(ownValue(from, key), ownValue(to, key), child(path, key)));
  }
  const before = byName(from);
  const after = byName(to);
  if (before === undefined || after === undefined) return [path];
  const names = new Set([...before.keys(), ...after.keys()]);
  const changed = [...names].flatMap((name) =>
    differences(before.get(name), after.get(name), `${path}[${JSON.stringify(name)}]`),
  );
  // The same elements in another order.
  return changed.length > 0 ? changed : [path];
}

/** The elements of a list by their names; undefined unless every one has a name of its own. */
function byName(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (!Array.isArray(value)) return undefined;
  const names = new Map(value.map((element: unknown) => [isMapping(element) ? element['name'] : undefined, element]));
  const areNames = [...names.keys()].every((name) => typeof name === 'string');
  return areNames && names.size === value.length ? (names as ReadonlyMap<string, unknown>) : undefined;
}

/** `path.key`, or `path["key"]` where the key is the author's own. */
function child(path: string, key: string): string {
  const isFree = /\.(labels|annotations|nodeSelector|requests|limits)$/.test(path) || !/^[A-Za-z]\w*$/.test(key);
  return isFree ? `${path}[${JSON.stringify(key)}]` : `${path}.${key}`;
}
