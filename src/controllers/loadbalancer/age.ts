/** Who came first, where two cannot both have something. */
import { type KubeObject, keyOf, keyText } from '../../api/meta/v1.ts';

/** Older objects first; those of one second by namespace and name, so that there is one answer. */
export function byAge(a: KubeObject, b: KubeObject): number {
  const [timeA = '', timeB = ''] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp];
  if (timeA !== timeB) return timeA < timeB ? -1 : 1;
  const [keyA, keyB] = [keyText(keyOf(a)), keyText(keyOf(b))];
  return keyA < keyB ? -1 : keyA > keyB ? 1 : 0;
}
