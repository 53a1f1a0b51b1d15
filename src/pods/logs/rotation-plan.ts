/** Which files a container's log is in, and what becomes of them: https://kubernetes.io/docs/concepts/cluster-administration/logging/#log-rotation */

export interface RotationLimits {
  /** Bytes from which on a log is rotated. */
  readonly maxBytes: number;
  /** How many files of one log there are at most, with the one that is being written. */
  readonly maxFiles: number;
}

/** The kubelet's containerLogMaxSize and containerLogMaxFiles. */
export const DEFAULT_LIMITS: RotationLimits = { maxBytes: 10 * 1024 * 1024, maxFiles: 5 };

export const COMPRESSED = '.gz';
/** Ends the name of a file that is not complete. */
export const INCOMPLETE = '.tmp';

/** What is to be done with the files of a log. */
export interface RotationPlan {
  readonly remove: readonly string[];
  readonly compress: readonly string[];
}

// As the kubelet writes it: 20060102-150405.
const TIME = '\\d{8}-\\d{6}';

/** What a log is called once it is rotated at `now`, in milliseconds: `0.log.20260102-150405`. */
export function rotatedName(log: string, now: number): string {
  const [date = '', time = ''] = new Date(now).toISOString().slice(0, 19).split('T');
  return `${log}.${date.replaceAll('-', '')}-${time.replaceAll(':', '')}`;
}

/**
 * What to do with the older files of the log called `log`, before it is rotated once more. `names` are those in its folder; others
 * are left alone. What is left half done by an end is done again.
 */
export function rotationPlan(log: string, names: readonly string[], { maxFiles }: RotationLimits): RotationPlan {
  const prefix = `${log}.`;
  const own = names.filter((name) => name.startsWith(prefix));
  const incomplete = own.filter((name) => name.endsWith(INCOMPLETE));
  const shape = new RegExp(`^${TIME}(\\.gz)?$`);
  const rotated = own.filter((name) => shape.test(name.slice(prefix.length)));
  // Both are there when an end came between the compressed file and the removal of the other.
  const doubled = rotated.filter((name) => rotated.includes(`${name}${COMPRESSED}`));
  const kept = rotated.filter((name) => !doubled.includes(name)).toSorted();
  // The one that is written and the one that is rotated now count as well.
  const excess = kept.slice(0, Math.max(0, kept.length - Math.max(0, maxFiles - 2)));
  return {
    remove: [...incomplete, ...doubled, ...excess],
    compress: kept.filter((name) => !excess.includes(name) && !name.endsWith(COMPRESSED)),
  };
}
