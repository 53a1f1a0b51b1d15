/** The line from a lab that is starting to whoever started it, and back: when the starter is gone, nobody wants the lab. */
import { Socket } from 'node:net';

/** One line on the way to the starter. */
export type Report =
  | { readonly kind: 'progress'; readonly text: string }
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly message: string };

/** Names the file descriptor of the line in the lab's environment. */
export const REPORT_FD_VARIABLE = 'POSTERN_LAB_REPORT_FD';

export interface Reporter {
  progress(text: string): void;
  /** The last report: `ready` or `failed`. Resolves when it is on its way and the line is closed. */
  finish(report: Report): Promise<void>;
  /** Aborted when the starter went away before the last report. */
  readonly orphaned: AbortSignal;
}

/** Opens the line that the environment names; without one, reports go nowhere. Removes it from the environment. */
export function openReporter(env: NodeJS.ProcessEnv): Reporter {
  const fd = Number(env[REPORT_FD_VARIABLE]);
  delete env[REPORT_FD_VARIABLE];
  const orphaned = new AbortController();
  if (!Number.isInteger(fd) || fd < 3) return { progress: () => {}, finish: async () => {}, orphaned: orphaned.signal };
  const line = new Socket({ fd });
  let finished = false;
  line.on('error', () => {}); // It closes next, which is what counts.
  line.on('close', () => {
    if (!finished) orphaned.abort(new Error('whoever started the lab is gone'));
  });
  line.resume();
  const send = (report: Report): void => void (line.writable && line.write(`${JSON.stringify(report)}\n`));
  return {
    progress: (text) => send({ kind: 'progress', text }),
    finish: (report) =>
      new Promise((resolve) => {
        if (finished || line.destroyed) return resolve();
        finished = true;
        send(report);
        line.once('close', () => resolve());
        line.end(() => line.destroy());
      }),
    orphaned: orphaned.signal,
  };
}
