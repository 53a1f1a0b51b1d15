import assert from 'node:assert/strict';
import { OciError } from '../calls.ts';

/** For `assert.rejects`: that the cloud refused, and how. */
export const refused = (status: number, code: string, message?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof OciError, String(error));
  assert.deepEqual([error.status, error.code], [status, code], error.message);
  if (message !== undefined) assert.match(error.message, message);
  return true;
};
