/**
 * What a list and a watch may ask for together. The words are those of Kubernetes' validation of ListOptions.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions
 */
import { forbidden, notSupported } from '../../api/field-errors.ts';
import { type Cause, invalid } from '../../api/status.ts';

const LIST_OPTIONS = { group: 'meta.k8s.io', kind: 'ListOptions', plural: 'listoptions' };
const MATCH = 'resourceVersionMatch';

/** Throws an ApiError, 422, with every mistake in the parameters of a list or a watch. */
export function checkListOptions(query: URLSearchParams, verb: 'list' | 'watch'): void {
  const causes = verb === 'list' ? listMistakes(query) : watchMistakes(query);
  if (causes.length > 0) throw invalid(LIST_OPTIONS, '', causes);
}

function listMistakes(query: URLSearchParams): readonly Cause[] {
  const match = query.get(MATCH) ?? '';
  const version = query.get('resourceVersion') ?? '';
  const isKnown = match === 'Exact' || match === 'NotOlderThan';
  return [
    ...(query.has('sendInitialEvents')
      ? [forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list')]
      : []),
    ...(match !== '' && version === ''
      ? [forbidden(MATCH, `${MATCH} is forbidden unless resourceVersion is provided`)]
      : []),
    ...(match === '' ? [] : forbiddenWithContinue(query)),
    ...(match !== '' && !isKnown ? [notSupported(MATCH, match, ['Exact', 'NotOlderThan', ''])] : []),
    ...(match === 'Exact' && version === '0'
      ? [forbidden(MATCH, `${MATCH} "exact" is forbidden for resourceVersion "0"`)]
      : []),
  ];
}

function watchMistakes(query: URLSearchParams): readonly Cause[] {
  const match = query.get(MATCH) ?? '';
  const isInitial = query.has('sendInitialEvents');
  const isNewEnough = match === 'NotOlderThan';
  return [
    ...(isInitial && !isNewEnough
      ? [forbidden(MATCH, `sendInitialEvents requires setting ${MATCH} to NotOlderThan`)]
      : []),
    ...(match !== '' && !isInitial
      ? [forbidden(MATCH, `${MATCH} is forbidden for watch unless sendInitialEvents is provided`)]
      : []),
    ...(match !== '' && !isNewEnough ? [notSupported(MATCH, match, ['NotOlderThan'])] : []),
    ...(match === '' ? [] : forbiddenWithContinue(query)),
  ];
}

function forbiddenWithContinue(query: URLSearchParams): readonly Cause[] {
  return query.get('continue') ? [forbidden(MATCH, `${MATCH} is forbidden when continue is provided`)] : [];
}
