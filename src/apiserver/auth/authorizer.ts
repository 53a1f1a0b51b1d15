/**
 * Who may do what: authorizers that are asked in turn, as Kubernetes chains them.
 * https://kubernetes.io/docs/reference/access-authn-authz/authorization/
 */
import type { PolicyRule } from '../../api/rbac/v1/rules.ts';
import type { User } from './user.ts';

/** What somebody is about to do: with a resource, or at a path that is none. */
export type Attempt =
  | {
      readonly kind: 'resource';
      readonly verb: string;
      readonly group: string;
      /** Plural, in lower case. */
      readonly resource: string;
      readonly subresource: string | undefined;
      /** Undefined for what is cluster-scoped, and for all namespaces. */
      readonly namespace: string | undefined;
      readonly name: string | undefined;
      /** Of lists, watches and deletions of many; as they are asked for. */
      readonly fieldSelector?: string | undefined;
      readonly labelSelector?: string | undefined;
    }
  | { readonly kind: 'path'; readonly verb: string; readonly path: string };

export type ResourceAttempt = Extract<Attempt, { readonly kind: 'resource' }>;

/** `pass`: it has no say in this, the next is asked. Nobody who allows it means that it is forbidden. */
export type Decision =
  | { readonly kind: 'allow'; readonly reason: string }
  | { readonly kind: 'pass'; readonly reason?: string };

/** What a user may do in a namespace, as far as it can be told as rules. */
export interface Rules {
  readonly resourceRules: readonly PolicyRule[];
  readonly nonResourceRules: readonly PolicyRule[];
  /** Whether there may be more that is not told. */
  readonly incomplete: boolean;
  /** Why. */
  readonly error?: string;
}

export interface Authorizer {
  /** At once and from memory: it is asked for each request. */
  decide(user: User, attempt: Attempt): Decision;
  /** Undefined when it has nothing to say about the user. */
  rulesFor?(user: User, namespace: string): Rules | undefined;
}
