/** What a plugin of CNI says when it cannot do what it is asked: https://www.cni.dev/docs/spec/#error */

/** Well-known codes of the specification; from 100 on a plugin's own. */
export const CNI_CODES = {
  incompatibleVersion: 1,
  unknownContainer: 3,
  invalidEnvironment: 4,
  ioFailure: 5,
  undecodable: 6,
  invalidConfig: 7,
  tryAgainLater: 11,
  /** Ours: the pod network has no port for the pod. */
  refused: 100,
} as const;

/** An expected outcome, told to the runtime; nobody's mistake in here. */
export interface CNIFailure {
  readonly kind: 'failure';
  readonly code: number;
  /** Short. */
  readonly msg: string;
  readonly details: string;
}

/** A failure with one of the codes above. */
export function failure(code: number, msg: string, details = ''): CNIFailure {
  return { kind: 'failure', code, msg, details };
}
