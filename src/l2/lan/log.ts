/** A logger whose lines are messages: the thread on the LAN writes nothing itself. */
import type { Logger } from '../../host/log.ts';
import type { FromLan } from './messages.ts';

type LogMessage = Extract<FromLan, { kind: 'log' }>;

export function forwardingLogger(
  tell: (message: LogMessage) => void,
  bound: Readonly<Record<string, unknown>> = {},
): Logger {
  const at =
    (level: LogMessage['level']) =>
    (fields: object, message: string): void => {
      tell({ kind: 'log', level, fields: plain({ ...bound, ...fields }), message });
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => forwardingLogger(tell, { ...bound, ...fields }),
  };
}

/** Only plain data crosses threads whole. */
function plain(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plainValue(value)]));
}

function plainValue(value: unknown): unknown {
  if (value instanceof Error) {
    const { name, message, stack, cause } = value;
    const code = 'code' in value ? { code: value.code } : {};
    return { type: name, message, stack, ...code, ...(cause === undefined ? {} : { cause: plainValue(cause) }) };
  }
  return typeof value === 'object' || typeof value === 'function' ? JSON.parse(JSON.stringify(value) ?? 'null') : value;
}
