/** Query parameters that several verbs share. */
import { badRequest } from '../../api/status.ts';
import type { ResourceRequest } from '../context.ts';

/** Whether everything is checked and nothing written. Throws an ApiError, 400. */
export function isDryRun(query: URLSearchParams, fromBody: readonly string[] = []): boolean {
  const values = [...query.getAll('dryRun'), ...fromBody].filter((value) => value !== '');
  const unknown = values.find((value) => value !== 'All');
  if (unknown !== undefined)
    throw badRequest(`dryRun: Unsupported value: ${JSON.stringify(unknown)}: supported values: "All"`);
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
