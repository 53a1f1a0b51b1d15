/** Answers of the API that are part of its ordinary life, and no news to whoever reads the log. */
import { ApiError, isAlreadyExists, isConflict, isNotFound } from '../api/status.ts';

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

/** For the `catch` of a call about an object that may be gone by now, where that is as good as done. */
export function ignoreNotFound(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}

/** For the `catch` of a create of what another may have created by now, where that is as good as done. */
export function ignoreAlreadyExists(error: unknown): undefined {
  if (!isAlreadyExists(error)) throw error;
}
