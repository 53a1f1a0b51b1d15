/** What goes wrong at a runtime. */
import { CRIError } from '../cri/cri.ts';

/** Whether the runtime cannot be asked at all: no fault of the pod. It is asked again once the runtime is back. */
export function isRuntimeLost(error: unknown): error is CRIError {
  return error instanceof CRIError && (error.code === 'unavailable' || error.code === 'cancelled');
}

/** In one line. */
export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim();
}
