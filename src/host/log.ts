/** The program's logger: one JSON object a line on standard error; the level comes from `POSTERN_LOG`. */
import { pino } from 'pino';

export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger that adds these fields to every line. */
  child(fields: Readonly<Record<string, unknown>>): Logger;
}

/** A logger for one component. Errors go under the key `err`. Secrets never go into a log. */
export function createLogger(component: string): Logger {
  const level = process.env['POSTERN_LOG'] ?? 'info';
  return pino({ level, base: { component } }, pino.destination({ fd: 2, sync: true }));
}

/** For tests: says nothing. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};
