/** What a check of a store finds, in the words that people read. */

export interface Problem {
  /** `warning`: it does no harm by itself, or mends itself. */
  readonly severity: 'error' | 'warning';
  /** The key that it is about; of many alike, the first, and how many there are is in the message. */
  readonly key: string;
  readonly message: string;
  /** What to do. */
  readonly remedy: string;
}
