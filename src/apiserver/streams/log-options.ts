/** What `kubectl logs` may ask for. Pure. Follows core/v1 PodLogOptions, with its checks and their words. */
import { forbidden, invalidValue, notSupported } from '../../api/field-errors.ts';
import { badRequest, type Cause, invalid } from '../../api/status.ts';
import { isTrue } from '../http/route.ts';

const SUBJECT = { group: '', kind: 'PodLogOptions', plural: 'pods' };
const FLAGS = ['follow', 'previous', 'timestamps'] as const;
/** Least values. */
const NUMBERS = { tailLines: 0, limitBytes: 1, sinceSeconds: 1 } as const;
const TOO_SMALL = { 0: 'must be greater than or equal to 0', 1: 'must be greater than 0' } as const;
const SOURCES = ['All', 'Stdout', 'Stderr'];

/**
 * The query that the agent is asked with. Throws an ApiError: 400 for what is no number or time, 422 for values that are not allowed.
 */
export function logQuery(query: URLSearchParams, pod: string): URLSearchParams {
  const causes: Cause[] = [];
  const asked = new URLSearchParams();
  for (const name of FLAGS) if (query.has(name) && isTrue(query.get(name))) asked.set(name, 'true');
  for (const name of Object.keys(NUMBERS) as (keyof typeof NUMBERS)[]) {
    const value = integer(query, name);
    if (value === undefined) continue;
    const least = NUMBERS[name];
    if (value < least) causes.push(invalidValue(name, value, TOO_SMALL[least]));
    asked.set(name, String(value));
  }
  const since = query.get('sinceTime') ?? '';
  if (since !== '') {
    if (Number.isNaN(Date.parse(since)))
      throw badRequest(
        `sinceTime: Invalid value: ${JSON.stringify(since.slice(0, 64))}: must be a time such as 2006-01-02T15:04:05Z (RFC 3339)`,
      );
    if (asked.has('sinceSeconds'))
      causes.push(forbidden('', 'at most one of `sinceTime` or `sinceSeconds` may be specified'));
    asked.set('sinceTime', since);
  }
  const source = query.get('stream') ?? '';
  if (source !== '' && !SOURCES.includes(source)) causes.push(notSupported('stream', source.slice(0, 64), SOURCES));
  if (source !== '') asked.set('stream', source);
  if (causes.length > 0) throw invalid(SUBJECT, pod, causes);
  return asked;
}

function integer(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name) ?? '';
  if (text === '') return undefined;
  if (!/^-?\d{1,15}$/.test(text)) {
    throw badRequest(`${name}: Invalid value: ${JSON.stringify(text.slice(0, 64))}: must be a whole number`);
  }
  return Number(text);
}
