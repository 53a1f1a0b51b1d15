/** Which of OCI's refusals asking again does not mend. Pure. */
import { OciError } from '../calls.ts';
import type { Refused } from './keeper.ts';

/** https://docs.oracle.com/en-us/iaas/Content/API/References/apierrors.htm */
const MISTAKES: ReadonlySet<string> = new Set([
  'CannotParseRequest',
  'InvalidParameter',
  'MissingParameter',
  'InvalidParameterValue',
]);

/**
 * The request itself is wrong, as with a shape that there is not: until the Service or the configuration changes. Anything else,
 * limits and quotas among it, is thrown on, as it may be different later.
 */
export function refusalOf(error: unknown): Refused {
  if (!(error instanceof OciError) || error.status !== 400 || !MISTAKES.has(error.code)) throw error;
  return { kind: 'refused', reason: error.code, why: error.message };
}
