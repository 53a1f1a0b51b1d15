/** Errors as a person at a terminal reads them: what was wrong and the next thing to try, never a stack trace. */
import { ApiError } from '../api/status.ts';
import { TransportError } from '../client/client.ts';

/** A mistake or a missing thing that the user can mend; `remedy` says how. */
export class UserError extends Error {
  readonly remedy: string | undefined;

  constructor(message: string, remedy?: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'UserError';
    this.remedy = remedy;
  }
}

/** One error as text. `POSTERN_LOG=debug` adds the stack, for those who develop Postern. */
export function explainError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const lines = [error.message];
  if (error instanceof UserError && error.remedy !== undefined) lines.push(`  ${error.remedy}`);
  if (error instanceof ApiError) {
    for (const cause of error.status.details?.causes ?? []) {
      if (cause.message && !error.message.includes(cause.message))
        lines.push(`  ${cause.field ?? ''}: ${cause.message}`);
    }
  }
  if (error instanceof TransportError)
    lines.push('  Is it running? `postern up --data-dir DIR` or `postern lab up --dir DIR` starts one.');
  if (isDiskFull(error))
    lines.push('  The disk is full: make room, or choose a directory on another one (df -h shows them).');
  if (process.env['POSTERN_LOG'] === 'debug' && error.stack) lines.push(error.stack);
  return lines.join('\n');
}

/** ENOSPC of errno(3), from the system or through the store's own library, which gives the number. */
const NO_SPACE: readonly unknown[] = ['ENOSPC', 28];

function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && NO_SPACE.includes(error.code)) || isDiskFull(error.cause);
}
