/** Finding by labels whom a selector selects, and which selectors select somebody, at a cost that does not grow with either. */
import type { KubeObject } from '../api/meta/v1.ts';
import type { Selector } from '../api/selectors.ts';

/**
 * The one key under which an object with a selector is found. A selector that asks for a label's value is found by that
 * label: what lacks it is not selected. Others are found by their namespace alone.
 */
export function selectorKey(namespace: string | undefined, selector: Selector): string {
  const [first] = selector.filter(({ operator, values }) => operator === 'In' && values.length === 1);
  return first === undefined ? anyKey(namespace) : labelKey(namespace, first.key, first.values[0] ?? '');
}

/** The keys of all selectors that may select an object. */
export function selectableKeys({ metadata }: KubeObject): readonly string[] {
  const { namespace, labels = {} } = metadata;
  return [anyKey(namespace), ...Object.entries(labels).map(([key, value]) => labelKey(namespace, key, value))];
}

function anyKey(namespace = ''): string {
  return `${namespace}\n`;
}

function labelKey(namespace: string | undefined, key: string, value: string): string {
  return `${namespace ?? ''}\n${key}=${value}`;
}
