/** What goes wrong at a runtime. */
import { messageOf } from '../../lib/errors.ts';
import { CRIError } from '../cri/cri.ts';
import type { Problem } from '../parts.ts';

/** Whether the runtime cannot be asked at all: no fault of the pod. It is asked again once the runtime is back. */
export function isRuntimeLost(error: unknown): error is CRIError {
  return error instanceof CRIError && (error.code === 'unavailable' || error.code === 'cancelled');
}

/** What an error says, without the line break that runtimes put at its end. */
export function whyOf(error: unknown): string {
  return messageOf(error).trim();
}

/** Does what may fail for reasons of the node, as a full disk, and takes that for a problem. Rejects when the runtime is lost. */
export async function attempt<T>(reason: string, work: () => Promise<T>): Promise<T | Problem> {
  try {
    return await work();
  } catch (error) {
    if (isRuntimeLost(error)) throw error;
    return { kind: 'problem', reason, message: whyOf(error) };
  }
}
