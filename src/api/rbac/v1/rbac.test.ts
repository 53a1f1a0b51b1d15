import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnyKind } from '../../kinds.ts';
import { validateObject } from '../../meta/validation.ts';
import { admitted, mistakesOf } from '../../testing.ts';
import { aggregatedRules } from './aggregation.ts';
import { ClusterRole } from './clusterrole.ts';
import { ClusterRoleBinding } from './clusterrolebinding.ts';
import { Role } from './role.ts';
import { RoleBinding } from './rolebinding.ts';

const named = (fields: object) => ({ metadata: { name: 'system:x' }, ...fields });
const mistakes = (kind: AnyKind, fields: object, old?: object) =>
  mistakesOf(kind, named(fields), old && admitted(kind, named(old)));

const rule = (over: object = {}) => ({ rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'], ...over }] });
const given = (over: object = {}) => ({ roleRef: { kind: 'ClusterRole', name: 'view' }, ...over });
const to = (...subjects: object[]) => given({ subjects });

const CASES: readonly (readonly [string, AnyKind, object, readonly string[]])[] = [
  [
    'a role without a verb',
    Role,
    rule({ verbs: [] }),
    ['rules[0].verbs: Required value: verbs must contain at least one value'],
  ],
  [
    'a role of no group and no resource',
    Role,
    { rules: [{ verbs: ['get'] }] },
    [
      'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
      'rules[0].resources: Required value: resource rules must supply at least one resource',
    ],
  ],
  [
    'paths in a namespace',
    Role,
    { rules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }] },
    ['rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs'],
  ],
  [
    'paths and resources in one rule',
    ClusterRole,
    rule({ nonResourceURLs: ['/x'] }),
    [
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs',
    ],
  ],
  [
    'an aggregation of nothing',
    ClusterRole,
    { aggregationRule: {} },
    [
      'aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil',
    ],
  ],
  [
    'an aggregation by what is no selector',
    ClusterRole,
    { aggregationRule: { clusterRoleSelectors: [{ matchExpressions: [{ key: 'a', operator: 'Is' }] }] } },
    [
      'aggregationRule.clusterRoleSelectors[0].matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator',
    ],
  ],
  [
    'a binding of another group’s role',
    RoleBinding,
    given({ roleRef: { apiGroup: 'x', kind: 'Thing', name: '' } }),
    [
      'roleRef.apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io"',
      'roleRef.kind: Unsupported value: "Thing": supported values: "Role", "ClusterRole"',
      'roleRef.name: Required value',
    ],
  ],
  [
    'a namespace’s role for the whole cluster',
    ClusterRoleBinding,
    given({ roleRef: { kind: 'Role', name: 'a/b' } }),
    [
      'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
      'roleRef.name: Invalid value: "a/b": may not contain \'/\'',
    ],
  ],
  [
    'subjects that are nobody',
    ClusterRoleBinding,
    to(
      { kind: 'User', name: '' },
      { kind: 'Team', name: 'a' },
      { kind: 'ServiceAccount', name: 'A' },
      { kind: 'Group', name: 'g', apiGroup: 'x' },
    ),
    [
      'subjects[0].name: Required value',
      'subjects[1].kind: Unsupported value: "Team": supported values: "ServiceAccount", "User", "Group"',
      "subjects[2].name: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      'subjects[2].namespace: Required value',
      'subjects[3].apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io"',
    ],
  ],
  [
    'a service account of a group',
    RoleBinding,
    to({ kind: 'ServiceAccount', name: 'a', apiGroup: 'rbac.authorization.k8s.io' }),
    ['subjects[0].apiGroup: Unsupported value: "rbac.authorization.k8s.io": supported values: ""'],
  ],
];
for (const [what, kind, fields, expected] of CASES) {
  test(`refuses ${what}`, () => assert.deepEqual(mistakes(kind, fields), expected));
}

test('takes what is well formed, and names the API groups that were left out', () => {
  assert.deepEqual(mistakes(Role, rule()), []);
  assert.deepEqual(mistakes(ClusterRole, { rules: [{ verbs: ['get'], nonResourceURLs: ['/x/*'] }] }), []);
  const binding = RoleBinding.defaults({
    ...{ apiVersion: RoleBinding.apiVersion, kind: 'RoleBinding', metadata: { name: 'b', namespace: 'shop' } },
    roleRef: { apiGroup: '', kind: 'Role', name: 'r' },
    subjects: [
      { kind: 'User', name: 'eve' },
      { kind: 'ServiceAccount', name: 'sa' },
    ],
  });
  assert.deepEqual(validateObject(RoleBinding, binding), []);
  assert.equal(binding.roleRef.apiGroup, 'rbac.authorization.k8s.io');
  assert.deepEqual(binding.subjects, [
    { kind: 'User', name: 'eve', apiGroup: 'rbac.authorization.k8s.io' },
    { kind: 'ServiceAccount', name: 'sa' },
  ]);
});

test('whom a binding names may change, and not which role it gives', () => {
  assert.deepEqual(mistakes(RoleBinding, to({ kind: 'User', name: 'eve' }), given()), []);
  const other = given({ roleRef: { kind: 'ClusterRole', name: 'edit' } });
  const told = '{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"edit"}';
  assert.deepEqual(mistakes(RoleBinding, other, given()), [`roleRef: Invalid value: ${told}: cannot change roleRef`]);
});

test('an aggregated role has each rule once, and not its own', () => {
  const role = (name: string, resource: string): ClusterRole => ({
    ...{ apiVersion: ClusterRole.apiVersion, kind: 'ClusterRole', metadata: { name, labels: { in: 'x' } } },
    rules: [{ verbs: ['get'], apiGroups: [''], resources: [resource] }],
  });
  const all = { ...role('all', 'own'), aggregationRule: { clusterRoleSelectors: [{ matchLabels: { in: 'x' } }] } };
  const rules = aggregatedRules(all, [role('c', 'pods'), role('b', 'services'), role('a', 'pods'), all]);
  assert.deepEqual(
    rules.map(({ resources }) => resources),
    [['pods'], ['services']],
  );
});
