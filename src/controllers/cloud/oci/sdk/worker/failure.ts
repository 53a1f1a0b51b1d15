/** What the SDK throws, as we say it. Nothing of a request's headers goes in. */
import type { Failure } from '../messages.ts';
import type { Exchange } from './exchange.ts';

/** Characters of what a server says. A proxy in between may answer with a whole page. */
const MAX_MESSAGE = 1000;

export function failureOf(operation: string, exchange: Exchange, error: unknown): Failure {
  const { refusal } = exchange;
  if (refusal !== undefined) {
    const code = textOf(error, 'serviceCode') ?? 'None';
    return { ...refusal, code, message: `${operation}: ${refusal.status} ${code}: ${said(error)}` };
  }
  const isLate = exchange.signal.aborted;
  const why = isLate ? 'there was no answer in time' : said(exchange.failure ?? error);
  switch (exchange.stage) {
    case 'composing':
      // A mistake of ours: asking again would not mend it.
      return { status: 400, code: 'InvalidParameter', message: `${operation}: ${why}` };
    case 'signing':
      return { code: 'NotSent', message: `${operation}: no credentials to sign it with: ${why}` };
    case 'sent':
      return { code: isLate ? 'Timeout' : 'Unreachable', message: `${operation}: ${why}` };
    case 'answered':
      return { code: 'Unreachable', message: `${operation}: OCI's answer cannot be read: ${why}` };
  }
}

function said(error: unknown): string {
  const text = textOf(error, 'message') ?? String(error);
  const code = error instanceof Error && 'code' in error && !text.includes(String(error.code)) ? `${error.code} ` : '';
  // One line, as it goes into logs and events.
  return `${code}${text}`.slice(0, MAX_MESSAGE).replaceAll(/\p{Cc}+/gu, ' ');
}

function textOf(error: unknown, field: string): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const value: unknown = Reflect.get(error, field);
  return typeof value === 'string' && value !== '' ? value : undefined;
}
