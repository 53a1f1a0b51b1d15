/** Learning what an informer knows in an order of ours, before anything is decided on it. */
import type { KubeObject } from '../../api/meta/v1.ts';
import { keyOf, keyText } from '../../api/meta/v1.ts';
import type { Informer } from '../../client/informer.ts';
import type { Pace } from '../../host/paced.ts';
import { byAge } from './age.ts';

/**
 * Calls `learn` with the key of every object, the oldest first, once the returned function is called; then with that of each
 * change. To be made before the informer is started.
 */
export function learnByAge<T extends KubeObject>(
  informer: Informer<T>,
  learn: (key: string) => void,
  pace: Pace,
): () => Promise<void> {
  // What changes while the first are learnt is learnt after them.
  const waiting = new Set<string>();
  let hasLearnt = false;
  informer.onChange(({ key }) => {
    if (hasLearnt) learn(key);
    else waiting.add(key);
  });
  return async () => {
    waiting.clear();
    for (const object of informer.list().toSorted(byAge)) {
      learn(keyText(keyOf(object)));
      await pace();
    }
    hasLearnt = true;
    for (const key of waiting) learn(key);
  };
}
