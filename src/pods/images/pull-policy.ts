/** When images are pulled: https://kubernetes.io/docs/concepts/containers/images/#image-pull-policy */
import type { Container } from '../../api/core/v1/pod-spec.ts';
import type { ImageReference } from './reference.ts';

/** Whether an image is used as it is there, pulled, or refused. */
export type PullDecision = 'use' | 'pull' | 'refuse';

/** What to do about an image that is there, or is not. `refuse`: it is not there, and must not be pulled. */
export function decidePull(container: Container, reference: ImageReference, isPresent: boolean): PullDecision {
  const policy = container.imagePullPolicy ?? (reference.tag === 'latest' ? 'Always' : 'IfNotPresent');
  if (policy === 'Always') return 'pull';
  if (isPresent) return 'use';
  return policy === 'Never' ? 'refuse' : 'pull';
}
