/** What one try of a probe comes to. */

/** Longest output of a probe that is told, in characters: the kubelet's limit. */
export const OUTPUT_LIMIT = 10 * 1024;

/** What a try came to. */
export type Result =
  | { readonly kind: 'success' }
  /** Counts as a success, and is told: a redirect to elsewhere was not followed. */
  | { readonly kind: 'warning'; readonly message: string }
  | { readonly kind: 'failure'; readonly message: string }
  /** It could not be tried: says nothing of the container, and does not count. */
  | { readonly kind: 'error'; readonly message: string };

export const SUCCESS: Result = { kind: 'success' };

export function failure(message: string): Result {
  return { kind: 'failure', message: message.slice(0, OUTPUT_LIMIT) };
}
