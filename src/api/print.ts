/** Small texts that columns of several kinds share. */
import type { Condition } from './meta/v1.ts';

/** `a=b,c=d`, sorted; `<none>` for no labels. */
export function printLabels(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? '<none>' : pairs.sort().join(',');
}

/** The first `most` items, and how many more there are; `<unset>` for none. */
export function printSome(items: readonly string[], most = 3): string {
  if (items.length === 0) return '<unset>';
  const rest = items.length > most ? ` + ${items.length - most} more...` : '';
  return `${items.slice(0, most).join(',')}${rest}`;
}

/** `True`, `False` or `Unknown`; '' when there is no such condition. */
export function conditionStatus(conditions: readonly Condition[] | undefined, type: string): string {
  return conditions?.find((condition) => condition.type === type)?.status ?? '';
}

/** Where {@link conditionStatus} finds it, as a path of a column. */
export function conditionPath(type: string): string {
  return `.status.conditions[?(@.type=="${type}")].status`;
}
