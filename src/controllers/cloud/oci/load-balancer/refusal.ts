/** What OCI's refusals mean. Pure. */
import { isOutOfDate, OciError } from '../calls.ts';
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

/** It has surely not been done. */
export function isRefusal(error: unknown): boolean {
  return error instanceof OciError && error.status !== undefined && error.status < 500;
}

const BUSY_CODES: ReadonlySet<string> = new Set(['IncorrectState', 'Conflict']);

/** Another change is being made, or was since it was read. */
export function isBusy(error: unknown): error is OciError {
  return isOutOfDate(error) || (error instanceof OciError && error.status === 409 && BUSY_CODES.has(error.code));
}
