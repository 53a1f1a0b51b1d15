import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Namespace } from '../core/v1/namespace.ts';
import { Service } from '../core/v1/service.ts';
import { admitted, mistakesOf } from '../testing.ts';
import type { ObjectMeta } from './v1.ts';

const spec = { ports: [{ port: 80 }] };
const owner = { apiVersion: 'v1', kind: 'Node', name: 'x', uid: 'u' };

const CASES: readonly [why: string, metadata: ObjectMeta, mistake: RegExp][] = [
  ['an empty name', { name: '' }, /^metadata\.name: Required value: name or generateName is required$/],
  [
    'a prefix that no name can begin with',
    { name: '', generateName: 'A-' },
    /^metadata\.generateName: Invalid value: "A-": a DNS-1035/,
  ],
  ['a missing namespace', { namespace: '' }, /^metadata\.namespace: Required value$/],
  [
    'a namespace that is no label',
    { namespace: 'a.b' },
    /^metadata\.namespace: Invalid value: "a\.b": a lowercase RFC 1123 label/,
  ],
  [
    'a label key without a name',
    { labels: { 'a/': 'x' } },
    /^metadata\.labels: Invalid value: "a\/": name part must be non-empty$/,
  ],
  ['a label value that is too long', { labels: { a: 'x'.repeat(64) } }, /must be no more than 63 bytes$/],
  [
    'an annotation key with spaces',
    { annotations: { 'a b': '' } },
    /^metadata\.annotations: Invalid value: "a b": name part/,
  ],
  [
    'annotations of more than 256 KiB',
    { annotations: { a: 'x'.repeat(262_144) } },
    /^metadata\.annotations: Too long: may not be more than 262144 bytes$/,
  ],
  [
    'a finalizer that is no key',
    { finalizers: ['a/b/c'] },
    /^metadata\.finalizers: Invalid value: "a\/b\/c": a qualified name must consist/,
  ],
  [
    'an owner without a UID',
    { ownerReferences: [{ ...owner, uid: '' }] },
    /^metadata\.ownerReferences\[0\]\.uid: Invalid value: "": must not be empty$/,
  ],
  [
    'two controllers',
    {
      ownerReferences: [
        { ...owner, controller: true },
        { ...owner, name: 'y', uid: 'v', controller: true },
      ],
    },
    /Only one reference can have Controller set to true\. Found "true" in references for Node\/x and Node\/y$/,
  ],
];
for (const [why, metadata, mistake] of CASES) {
  test(`${why} is refused`, () => {
    const found = mistakesOf(Service, { metadata, spec });
    assert.equal(found.length, 1, found.join('\n'));
    assert.match(found[0] ?? '', mistake);
  });
}

test('a prefix that ends in a dash is a good one', () => {
  assert.deepEqual(mistakesOf(Service, { metadata: { name: '', generateName: 'web-' }, spec }), []);
});

test('a kind of the whole cluster has no namespace', () => {
  assert.deepEqual(mistakesOf(Namespace, { metadata: { namespace: 'x' } }), [
    'metadata.namespace: Forbidden: not allowed on this type',
  ]);
});

test('an update may not rename', () => {
  const old = admitted(Service, { metadata: { uid: 'u' }, spec });
  assert.deepEqual(mistakesOf(Service, { metadata: { name: 'b', uid: 'u' }, spec }, old), [
    'metadata.name: Invalid value: "b": field is immutable',
  ]);
});

test('an object that is being deleted gets no more finalizers', () => {
  const old = admitted(Service, { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['a/b'] }, spec });
  assert.deepEqual(mistakesOf(Service, { metadata: { finalizers: ['a/b', 'c/d'] }, spec }, old), [
    'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers ["c/d"]',
  ]);
});
