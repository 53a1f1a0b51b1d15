import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PolicyRule } from '../../../api/rbac/v1/rules.ts';
import { coverage, describeRights } from './covers.ts';

const rule = (verbs: string, groups: string, resources: string, names?: string): PolicyRule => ({
  verbs: verbs.split(' '),
  apiGroups: groups.split(' '),
  resources: resources.split(' '),
  ...(names === undefined ? {} : { resourceNames: names.split(' ') }),
});
const paths = (verbs: string, ...nonResourceURLs: string[]): PolicyRule => ({
  verbs: verbs.split(' '),
  nonResourceURLs,
});
const ALL = [rule('*', '*', '*'), paths('*', '*')];

const COVERED: readonly (readonly [string, readonly PolicyRule[], readonly PolicyRule[]])[] = [
  ['everything, by those who may do everything', ALL, [rule('get *', 'a *', 'b */c *'), paths('put', '/x', '*')]],
  [
    'what several rules give together',
    [rule('get', 'a', 'x'), rule('list', 'a', 'x y')],
    [rule('list', 'a', 'x y'), rule('get list', 'a', 'x')],
  ],
  ['fewer names', [rule('get', 'a', 'x', 'n m')], [rule('get', 'a', 'x', 'm')]],
  ['names, by those who have all', [rule('get', 'a', 'x')], [rule('get', 'a', 'x', 'm')]],
  ['a subresource of any resource', [rule('get', 'a', '*/log')], [rule('get', 'a', 'pods/log')]],
  ['paths below one', [paths('get', '/api/*')], [paths('get', '/api/v1', '/api/v1/*')]],
  ['nothing', [], []],
];
for (const [what, held, wanted] of COVERED) {
  test(`holds ${what}`, () => assert.deepEqual(coverage(held, wanted), { kind: 'covered' }));
}

const MISSING: readonly (readonly [string, readonly PolicyRule[], readonly PolicyRule[], string])[] = [
  [
    'another verb',
    [rule('get', '', 'pods')],
    [rule('get list watch', '', 'pods')],
    '{APIGroups:[""], Resources:["pods"], Verbs:["list" "watch"]}',
  ],
  [
    'all names, with some',
    [rule('get', 'a', 'x', 'n')],
    [rule('get', 'a', 'x')],
    '{APIGroups:["a"], Resources:["x"], Verbs:["get"]}',
  ],
  [
    'another name',
    [rule('get', 'a', 'x', 'n')],
    [rule('get', 'a', 'x', 'n m')],
    '{APIGroups:["a"], Resources:["x"], ResourceNames:["m"], Verbs:["get"]}',
  ],
  [
    'a subresource, with its resource',
    [rule('get', '', 'pods')],
    [rule('get', '', 'pods/log')],
    '{APIGroups:[""], Resources:["pods/log"], Verbs:["get"]}',
  ],
  [
    'all resources, with all that there is one by one',
    [rule('*', '*', 'a */b')],
    [rule('get', 'g', '*')],
    '{APIGroups:["g"], Resources:["*"], Verbs:["get"]}',
  ],
  [
    'all verbs, with some',
    [rule('get list', '', 'pods')],
    [rule('*', '', 'pods')],
    '{APIGroups:[""], Resources:["pods"], Verbs:["*"]}',
  ],
  [
    'paths beside one',
    [paths('get', '/api/*')],
    [paths('get', '/api*', '/metrics')],
    '{NonResourceURLs:["/api*"], Verbs:["get"]}\n{NonResourceURLs:["/metrics"], Verbs:["get"]}',
  ],
];
for (const [what, held, wanted, told] of MISSING) {
  test(`does not hold ${what}, and says what is missing`, () => {
    const found = coverage(held, wanted);
    assert.equal(found.kind === 'missing' && describeRights(found.rights), told);
  });
}

test('a rule that stands for billions of rights is refused at once, unless one rule holds it', () => {
  const many = Array.from({ length: 2000 }, (_, i) => `n${i}`);
  const hostile = { verbs: many, apiGroups: many, resources: many };
  assert.deepEqual(coverage([rule('get', '', 'pods')], [hostile]), { kind: 'too-many', limit: 5000 });
  assert.deepEqual(coverage(ALL, [hostile]), { kind: 'covered' });
});
