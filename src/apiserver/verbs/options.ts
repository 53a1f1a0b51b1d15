/** Query parameters that several verbs share. */
import { notSupported } from '../../api/field-errors.ts';
import { type ApiError, badRequest, type Cause, invalid } from '../../api/status.ts';
import type { ResourceRequest, Verb } from '../context.ts';

/** What the options of a verb are called in answers, where they stand as an object of their own. */
const OPTIONS: Partial<Record<Verb, string>> = {
  create: 'CreateOptions',
  update: 'UpdateOptions',
  patch: 'PatchOptions',
  delete: 'DeleteOptions',
  deletecollection: 'DeleteOptions',
};

/** The answer to options that a verb does not have: 422 with every cause. */
export function invalidOptions(verb: Verb, causes: readonly Cause[]): ApiError {
  return invalid({ group: 'meta.k8s.io', kind: OPTIONS[verb] ?? 'ListOptions', plural: '' }, '', causes);
}

/** Whether everything is checked and nothing written. Throws an ApiError, 422. */
export function isDryRun(
  { verb, query }: Pick<ResourceRequest, 'verb' | 'query'>,
  fromBody: readonly string[] = [],
): boolean {
  const values = [...query.getAll('dryRun'), ...fromBody].filter((value) => value !== '');
  if (values.some((value) => value !== 'All')) throw invalidOptions(verb, [notSupported('dryRun', values, ['All'])]);
  return values.length > 0;
}

/** A whole number from 0; undefined when the parameter is not there. Throws an ApiError, 400. */
export function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const number = Number(text);
  if (!/^\d{1,15}$/.test(text) || !Number.isSafeInteger(number)) {
    throw badRequest(`${name}: Invalid value: ${JSON.stringify(text.slice(0, 64))}: must be a whole number, 0 or more`);
  }
  return number;
}

/** The name under which changes are recorded in managedFields. */
export function fieldManager({ query, agent }: ResourceRequest): string {
  return query.get('fieldManager') || agent.split('/')[0] || 'unknown';
}

/** The object's name in a path that has one. */
export function requiredName({ name }: ResourceRequest): string {
  if (name === undefined) throw new Error('this verb is about one object and was routed without a name');
  return name;
}
