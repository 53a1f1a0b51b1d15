import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pod } from './core/v1/pod.ts';
import {
  matchesFields,
  matchesLabels,
  parseFieldSelector,
  parseLabelSelector,
  printLabelSelector,
  selectorOf,
  selectorOfLabels,
} from './selectors.ts';
import { ApiError } from './status.ts';

const LABELS = { app: 'web', tier: 'front', 'example.com/size': '5', constructor: 'x' };

const MATCHES: readonly [text: string, matches: boolean][] = [
  ['', true],
  ['app=web', true],
  ['app == web', true],
  ['app=web,tier=back', false],
  ['app!=db', true],
  ['app!=web', false],
  ['color!=red', true],
  ['app in (web, db)', true],
  ['app in (db)', false],
  ['app notin (db,cache)', true],
  ['app notin (web)', false],
  ['color notin (red)', true],
  ['app', true],
  ['color', false],
  ['!color', true],
  ['! app', false],
  ['example.com/size>4', true],
  ['example.com/size<5', false],
  ['app in (web),!color,tier', true],
  ['color in (,red)', false],
  ['toString', false],
];
for (const [text, expected] of MATCHES) {
  test(`the selector '${text}' ${expected ? 'selects' : 'does not select'} the object`, () => {
    const selector = parseLabelSelector(text);
    assert.equal(matchesLabels(selector, LABELS), expected);
    assert.deepEqual(parseLabelSelector(printLabelSelector(selector)), selector);
  });
}

const MALFORMED = [
  'app=',
  ',',
  'app in',
  'app in web',
  'app in ()x',
  'a b',
  '=x',
  '-a=b',
  'a=b c',
  'a=-',
  'a>b',
  'a in (b))',
];
for (const text of MALFORMED.filter((candidate) => candidate !== 'app=')) {
  test(`the selector '${text}' is refused with a reason`, () => {
    assert.throws(
      () => parseLabelSelector(text),
      (error) => error instanceof ApiError && error.code === 400 && /unable to parse requirement/.test(error.message),
    );
  });
}

test('an empty value is a value', () => {
  assert.equal(matchesLabels(parseLabelSelector('app='), { app: '' }), true);
  assert.equal(matchesLabels(parseLabelSelector('app='), {}), false);
});

test('a selector object selects as its text form does', () => {
  const selector = selectorOf({
    matchLabels: { app: 'web' },
    matchExpressions: [
      { key: 'tier', operator: 'In', values: ['front', 'back'] },
      { key: 'color', operator: 'DoesNotExist' },
    ],
  });
  assert.equal(printLabelSelector(selector), 'app=web,tier in (front,back),!color');
  assert.equal(matchesLabels(selector, LABELS), true);
  assert.equal(matchesLabels(selectorOf({}), {}), true);
  assert.throws(() => selectorOf({ matchExpressions: [{ key: 'a', operator: 'Like' }] }), /"Like" is not an operator/);
  assert.throws(() => selectorOf({ matchExpressions: [{ key: 'a', operator: 'In' }] }), /needs at least one value/);
});

test('a map of labels is a selector, in one order whatever the order of its keys', () => {
  assert.equal(printLabelSelector(selectorOfLabels({ b: '2', a: '1' })), 'a=1,b=2');
});

const POD: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'a', namespace: 'n' },
  spec: { nodeName: 'node1' },
  status: { phase: 'Running' },
};
const FIELDS: readonly [text: string, matches: boolean][] = [
  ['', true],
  ['metadata.name=a', true],
  ['metadata.namespace==n,spec.nodeName=node1', true],
  ['status.phase!=Running', false],
  ['status.podIP=', true],
  ['spec.nodeName=node\\,1', false],
];
for (const [text, expected] of FIELDS) {
  test(`the field selector '${text}' ${expected ? 'selects' : 'does not select'} the pod`, () => {
    const selector = parseFieldSelector(Pod, text);
    assert.equal(matchesFields(Pod, selector, POD), expected);
  });
}

test('a field that cannot be selected by is refused with those that can', () => {
  assert.throws(
    () => parseFieldSelector(Pod, 'spec.color=red'),
    /field label not supported: "spec.color"; pods offer metadata.name, metadata.namespace, spec.nodeName/,
  );
  assert.throws(() => parseFieldSelector(Pod, 'spec.nodeName'), /write FIELD=VALUE/);
});
