/** Asking a provider for something that it may fail to do. */
import { messageOf } from '../../../lib/errors.ts';
import type { Ensured } from '../provider.ts';
import type { Failed } from './status.ts';

/** What cannot be done now is a failure to be told; at the end of the process it is nobody's. */
export async function attempt(work: () => Promise<Ensured>, signal: AbortSignal): Promise<Ensured | Failed> {
  try {
    return await work();
  } catch (cause) {
    if (signal.aborted) throw cause;
    return { kind: 'failed', why: messageOf(cause), cause };
  }
}
