/** Whom a binding names, and which role it gives them: what RoleBinding and ClusterRoleBinding share. */
import { invalidValue, notSupported, requiredValue } from '../../field-errors.ts';
import type { Column } from '../../kind.ts';
import { mistakeIn } from '../../meta/validation.ts';
import { dnsSubdomainMistake, pathSegmentMistake } from '../../names.ts';
import { list, object, required, string, type TypeOf, withDefault } from '../../schema.ts';
import type { Cause } from '../../status.ts';
import { sameValue } from '../../value.ts';
import { RBAC_GROUP } from './rules.ts';

const subject = object(
  {
    kind: required(withDefault(string('User, Group or ServiceAccount.'), '')),
    apiGroup: string('Default: that of the kind: none for a ServiceAccount.'),
    name: required(withDefault(string(), '')),
    namespace: string('Of a ServiceAccount.'),
  },
  'One who may do what the role says.',
);
export type Subject = TypeOf<typeof subject>;
export const subjects = list(subject, 'Who may do it.');

export const roleRef = object(
  {
    apiGroup: required(withDefault(string(), '')),
    kind: required(withDefault(string('Role or ClusterRole.'), '')),
    name: required(withDefault(string(), '')),
  },
  'What they may do. It cannot be changed.',
);
export type RoleRef = TypeOf<typeof roleRef>;

interface Binding {
  readonly subjects?: readonly Subject[];
  readonly roleRef: RoleRef;
}

/** Fills in the API groups, as Kubernetes does. */
export function withGroups<T extends Binding>(binding: T): T {
  const { apiGroup, ...ref } = binding.roleRef;
  return {
    ...binding,
    roleRef: { apiGroup: apiGroup || RBAC_GROUP, ...ref },
    ...(binding.subjects === undefined ? {} : { subjects: binding.subjects.map(withGroup) }),
  };
}

function withGroup(given: Subject): Subject {
  const isNamed = given.kind === 'User' || given.kind === 'Group';
  return isNamed && !given.apiGroup ? { ...given, apiGroup: RBAC_GROUP } : given;
}

/** Every mistake of a binding. `kinds`: of roles that it may give; `isNamespaced`: where a ServiceAccount may be found otherwise. */
export function validateBinding(
  binding: Binding,
  old: Binding | undefined,
  { kinds, isNamespaced }: { readonly kinds: readonly string[]; readonly isNamespaced: boolean },
): readonly Cause[] {
  const changed = old !== undefined && !sameValue(binding.roleRef, old.roleRef);
  return [
    ...validateRef(binding.roleRef, kinds),
    ...(binding.subjects ?? []).flatMap((one, i) => validateSubject(one, isNamespaced, `subjects[${i}]`)),
    ...(changed ? [invalidValue('roleRef', binding.roleRef, 'cannot change roleRef')] : []),
  ];
}

function validateRef({ apiGroup, kind, name }: RoleRef, kinds: readonly string[]): readonly Cause[] {
  return [
    ...(apiGroup === RBAC_GROUP ? [] : [notSupported('roleRef.apiGroup', apiGroup, [RBAC_GROUP])]),
    ...(kinds.includes(kind) ? [] : [notSupported('roleRef.kind', kind, kinds)]),
    ...(name === '' ? [requiredValue('roleRef.name')] : mistakeIn('roleRef.name', name, pathSegmentMistake(name))),
  ];
}

const SUBJECT_KINDS = ['ServiceAccount', 'User', 'Group'];

function validateSubject(one: Subject, isNamespaced: boolean, field: string): readonly Cause[] {
  const { kind, apiGroup = '', name, namespace = '' } = one;
  const causes: Cause[] = name === '' ? [requiredValue(`${field}.name`)] : [];
  if (!SUBJECT_KINDS.includes(kind)) return [...causes, notSupported(`${field}.kind`, kind, SUBJECT_KINDS)];
  const isAccount = kind === 'ServiceAccount';
  const group = isAccount ? '' : RBAC_GROUP;
  if (isAccount && name !== '') causes.push(...mistakeIn(`${field}.name`, name, dnsSubdomainMistake(name)));
  if (apiGroup !== group) causes.push(notSupported(`${field}.apiGroup`, apiGroup, [group]));
  if (isAccount && !isNamespaced && namespace === '') causes.push(requiredValue(`${field}.namespace`));
  return causes;
}

const named = (kind: string, print: (subject: Subject) => string) => (binding: Binding) =>
  (binding.subjects ?? [])
    .filter((one) => one.kind === kind)
    .map(print)
    .join(', ');

const wide = { type: 'string', priority: 1 } as const;

/** The columns of `kubectl get rolebindings`, and of `clusterrolebindings`. */
export const bindingColumns: readonly Column<Binding>[] = [
  { name: 'Role', type: 'string', value: ({ roleRef: { kind, name } }) => `${kind}/${name}` },
  { ...wide, name: 'Users', value: named('User', ({ name }) => name) },
  { ...wide, name: 'Groups', value: named('Group', ({ name }) => name) },
  {
    ...wide,
    name: 'ServiceAccounts',
    value: named('ServiceAccount', ({ namespace = '', name }) => `${namespace}/${name}`),
  },
];
