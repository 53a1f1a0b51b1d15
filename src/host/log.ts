/** The program's logger: one JSON object a line on standard error; the level comes from `POSTERN_LOG`. */
import { type DestinationStream, pino } from 'pino';

/** Bytes of lines that could not be written; more are dropped. */
const KEPT = 256 * 1024;

export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger that adds these fields to every line. */
  child(fields: Readonly<Record<string, unknown>>): Logger;
}

/** The least that is logged; `silent` is nothing. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** A logger whose level can be changed, with that of all its children. */
export interface RootLogger extends Logger {
  /** Undefined: as `POSTERN_LOG` says. */
  setLevel(level: LogLevel | undefined): void;
}

/** A logger for one component. Errors go under the key `err`. Secrets never go into a log. */
export function createLogger(component: string): RootLogger {
  const preset = severityOf(process.env['POSTERN_LOG'] ?? 'info');
  const threshold = { severity: preset };
  const sink = pino({ level: 'trace', base: { component } }, standardError());
  const setLevel = (level: LogLevel | undefined) => {
    threshold.severity = level === undefined ? preset : severityOf(level);
  };
  return { ...filtered(sink, threshold), setLevel };
}

/** Lines that cannot be written, on a full disk above all, wait for the next; a program does not end of what it cannot say. */
function standardError(): DestinationStream {
  const stream = pino.destination({ fd: 2, sync: true, maxLength: KEPT });
  stream.on('error', () => {}); // There is nobody to tell.
  return stream;
}

/** A logger that asks on each line whether it is to be told: pino's children keep the level that they were made with. */
function filtered(sink: Logger, threshold: { readonly severity: number }): Logger {
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => {
    const severity = severityOf(level);
    return (fields: object, message: string) => {
      if (severity >= threshold.severity) sink[level](fields, message);
    };
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => filtered(sink.child(fields), threshold),
  };
}

/** pino's number for a level. */
function severityOf(level: string): number {
  const severity = level === 'silent' ? Number.POSITIVE_INFINITY : pino.levels.values[level];
  if (severity === undefined) throw new Error(`POSTERN_LOG=${level}: it is debug, info, warn, error or silent`);
  return severity;
}

/** For tests: says nothing. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};
