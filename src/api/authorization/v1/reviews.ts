/**
 * authorization.k8s.io/v1: asks whether somebody may do something, and what the asker may do.
 * https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access
 */
import { invalidValue } from '../../field-errors.ts';
import { defineKind, type Resource } from '../../kind.ts';
import { boolean, list, map, object, required, string, type TypeOf, withDefault } from '../../schema.ts';
import type { Cause } from '../../status.ts';

const requirement = object({
  key: required(withDefault(string(), '')),
  operator: required(withDefault(string('In, NotIn, Exists or DoesNotExist.'), '')),
  values: list(string()),
});
const selector = object({ rawSelector: string('As in a query.'), requirements: list(requirement) });
export type ReviewedSelector = TypeOf<typeof selector>;

const resourceAttributes = object(
  {
    namespace: string('Empty: of what is in none, or all of them.'),
    verb: string(),
    group: string(),
    version: string(),
    resource: string(),
    subresource: string(),
    name: string('Empty: all of them.'),
    fieldSelector: selector,
    labelSelector: selector,
  },
  'What is to be done with a resource.',
);
export type ResourceAttributes = TypeOf<typeof resourceAttributes>;

const nonResourceAttributes = object({ path: string(), verb: string() }, 'What is to be done at a path.');
export type NonResourceAttributes = TypeOf<typeof nonResourceAttributes>;

const attributes = { resourceAttributes, nonResourceAttributes };
const status = object({
  allowed: required(withDefault(boolean(), false)),
  denied: boolean(),
  reason: string('Why it is allowed, or not.'),
  evaluationError: string(),
});
export type SubjectAccessReviewStatus = TypeOf<typeof status>;

const subjectSpec = object({
  ...attributes,
  user: string(),
  groups: list(string()),
  extra: map(list(string())),
  uid: string(),
});

const GROUP = { group: 'authorization.k8s.io', version: 'v1', called: true } as const;

const selfFields = object({ spec: required(object(attributes)), status }, 'Asks whether the asker may do something.');
export type SelfSubjectAccessReview = Resource<TypeOf<typeof selfFields>>;

export const SelfSubjectAccessReview = defineKind({
  ...GROUP,
  kind: 'SelfSubjectAccessReview',
  plural: 'selfsubjectaccessreviews',
  namespaced: false,
  schema: selfFields,
  validate: ({ spec }) => validateAttributes(spec),
});

const subjectFields = object({ spec: required(subjectSpec), status }, 'Asks whether somebody may do something.');
export type SubjectAccessReview = Resource<TypeOf<typeof subjectFields>>;

export const SubjectAccessReview = defineKind({
  ...GROUP,
  kind: 'SubjectAccessReview',
  plural: 'subjectaccessreviews',
  namespaced: false,
  schema: subjectFields,
  validate: ({ spec }) => validateSubject(spec),
});

export const LocalSubjectAccessReview = defineKind({
  ...GROUP,
  kind: 'LocalSubjectAccessReview',
  plural: 'localsubjectaccessreviews',
  namespaced: true,
  schema: subjectFields,
  validate: ({ spec, metadata }) => [...validateSubject(spec), ...validateLocal(spec, metadata.namespace ?? '')],
});

const rulesFields = object(
  {
    spec: required(object({ namespace: string() })),
    status: object({
      resourceRules: required(
        list(
          object({
            verbs: required(list(string())),
            apiGroups: list(string()),
            resources: list(string()),
            resourceNames: list(string()),
          }),
        ),
      ),
      nonResourceRules: required(list(object({ verbs: required(list(string())), nonResourceURLs: list(string()) }))),
      incomplete: required(withDefault(boolean('Whether there may be more that is not told.'), false)),
      evaluationError: string(),
    }),
  },
  'Asks what the asker may do in a namespace.',
);
export type SelfSubjectRulesReview = Resource<TypeOf<typeof rulesFields>>;

export const SelfSubjectRulesReview = defineKind({
  ...GROUP,
  kind: 'SelfSubjectRulesReview',
  plural: 'selfsubjectrulesreviews',
  namespaced: false,
  schema: rulesFields,
});

type Spec = SubjectAccessReview['spec'];

function validateAttributes(spec: Pick<Spec, 'resourceAttributes' | 'nonResourceAttributes'>): readonly Cause[] {
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec;
  if (resource !== undefined && path !== undefined) {
    return [
      invalidValue('spec.nonResourceAttributes', path, 'cannot be specified in combination with resourceAttributes'),
    ];
  }
  if (resource !== undefined || path !== undefined) return [];
  const why = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
  return [invalidValue('spec.resourceAttributes', null, why)];
}

function validateSubject(spec: Spec): readonly Cause[] {
  const { user = '', groups = [] } = spec;
  const why = 'at least one of user or group must be specified';
  const nobody = user === '' && groups.length === 0;
  return [...validateAttributes(spec), ...(nobody ? [invalidValue('spec.user', user, why)] : [])];
}

function validateLocal({ resourceAttributes, nonResourceAttributes }: Spec, namespace: string): readonly Cause[] {
  const given = resourceAttributes?.namespace ?? '';
  return [
    ...(resourceAttributes === undefined || given === namespace
      ? []
      : [invalidValue('spec.resourceAttributes.namespace', given, 'must match metadata.namespace')]),
    ...(nonResourceAttributes === undefined
      ? []
      : [invalidValue('spec.nonResourceAttributes', nonResourceAttributes, 'disallowed on this kind of request')]),
  ];
}
