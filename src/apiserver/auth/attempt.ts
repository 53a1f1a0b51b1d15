/** What a request is about to do, as authorizers see it. Pure. */
import type { Target, Verb } from '../context.ts';
import type { ResourceAttempt } from './authorizer.ts';

/** Verbs that are about one object or more, whose query says which. */
const SELECTING: ReadonlySet<string> = new Set(['list', 'watch', 'deletecollection']);

/** The attempt of a request with a resource. */
export function attemptOf(verb: Verb, target: Target, query?: URLSearchParams): ResourceAttempt {
  const { kind, namespace, name, subresource } = target;
  const attempt = {
    kind: 'resource',
    verb,
    group: kind.group,
    resource: kind.plural,
    subresource,
    // As in Kubernetes: a namespace counts as being in itself, so that roles in it say who may read it.
    namespace: kind.group === '' && kind.plural === 'namespaces' ? name : namespace,
    name,
  } as const;
  if (query === undefined || !SELECTING.has(verb)) return attempt;
  const fieldSelector = query.get('fieldSelector') || undefined;
  const labelSelector = query.get('labelSelector') || undefined;
  return { ...attempt, name: nameIn(fieldSelector), fieldSelector, labelSelector };
}

/** A selector of one name makes a list or watch one of that object: roles with `resourceNames` allow it. */
function nameIn(fieldSelector: string | undefined): string | undefined {
  const requirement = fieldSelector?.split(',').find((part) => /^metadata\.name==?[^=]/.test(part));
  return requirement?.slice(requirement.lastIndexOf('=') + 1);
}
