/** Answers of the API that are part of its ordinary life, and no news to whoever reads the log. */
import { ApiError, isAlreadyExists, isConflict, isNotFound } from '../api/status.ts';
import { TransportError } from './client.ts';

/** Nothing can be made in a namespace that is being deleted. What wanted to make it will be deleted, too. */
export function isNamespaceTerminating(error: unknown): boolean {
  const causes = error instanceof ApiError ? (error.status.details?.causes ?? []) : [];
  return causes.some(({ reason }) => reason === 'NamespaceTerminating');
}

/** Whether a failed reconcile is only to be tried again: its cache was a moment behind, or its namespace is going. */
export function isExpected(error: unknown): boolean {
  return isConflict(error) || isNamespaceTerminating(error);
}

/**
 * Whether the server has not come to the revision that was asked for.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#unavailable-resource-versions
 */
export function isRevisionTooLarge(error: unknown): boolean {
  const causes = error instanceof ApiError ? (error.status.details?.causes ?? []) : [];
  return causes.some(({ reason }) => reason === 'ResourceVersionTooLarge');
}

/**
 * A failed call as fields of a line of the log: where no server was reached, or what one said that cannot serve now. Of anything else all that
 * is known: it may be a mistake of ours.
 */
export function failureFields(error: unknown): { readonly reason: string } | { readonly err: unknown } {
  const isOutage =
    error instanceof TransportError || (error instanceof ApiError && (error.code >= 500 || error.code === 429));
  return isOutage ? { reason: error.message } : { err: error };
}

/** For the `catch` of a call about an object that may be gone by now, where that is as good as done. */
export function ignoreNotFound(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}

/** For the `catch` of a create of what another may have created by now, where that is as good as done. */
export function ignoreAlreadyExists(error: unknown): undefined {
  if (!isAlreadyExists(error)) throw error;
}
