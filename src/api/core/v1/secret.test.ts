import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkStructure, structureError } from '../../decode.ts';
import { admitted, mistakesOf } from '../../testing.ts';
import { Secret } from './secret.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

test('a Secret’s text is put with its bytes, over what is there, and not kept besides', () => {
  const secret = admitted(Secret, { data: { a: base64('1'), b: base64('2') }, stringData: { b: 'grün' } });
  assert.deepEqual(secret.data, { a: base64('1'), b: base64('grün') });
  assert.equal(secret.stringData, undefined);
  assert.equal(secret.type, 'Opaque');
});

test('bytes are base64, whose lines are joined; what is not is refused without being told again', () => {
  const text = base64('a'.repeat(60));
  assert.deepEqual(admitted(Secret, { data: { a: `${text.slice(0, 40)}\n${text.slice(40)}\n` } }).data, { a: text });
  for (const wrong of ['hunter2!', 'aGk', 'a===', 'aGk=aGk=']) {
    const error = structureError(Secret, 'a', checkStructure(Secret, { data: { password: wrong } }).causes);
    assert.equal(error?.code, 400);
    assert.match(error?.message ?? '', /data\[password\]: found text that is not base64/);
    assert.ok(!error?.message.includes(wrong), error?.message);
  }
});

const CASES: readonly [why: string, secret: object, mistakes: readonly RegExp[]][] = [
  ['without data is right', {}, []],
  [
    'with a key that is no file name is refused',
    { data: { 'a/b': '' } },
    [/^data\[a\/b\]: Invalid value: "a\/b": a valid/],
  ],
  [
    'with a key of dots is refused',
    { data: { '..': '' } },
    [/^data\[\.\.\]: Invalid value: "\.\.": must not be '\.\.'/],
  ],
  ['of more than a mebibyte is refused', { stringData: { a: 'x'.repeat(2 ** 20), b: 'x' } }, [/^data: Too long/]],
  [
    'for TLS needs certificate and key',
    { type: 'kubernetes.io/tls', data: { 'tls.crt': '' } },
    [/^data\[tls\.key\]: Required value$/],
  ],
  [
    'for basic authentication needs a name or a password',
    { type: 'kubernetes.io/basic-auth' },
    [/^data\[username\]: Required/, /^data\[password\]: Required/],
  ],
  [
    'for SSH needs a key',
    { type: 'kubernetes.io/ssh-auth', data: { 'ssh-privatekey': '' } },
    [/^data\[ssh-privatekey\]/],
  ],
  [
    'of a service account names it',
    { type: 'kubernetes.io/service-account-token' },
    [/^metadata\.annotations\[kubernetes\.io\/service-account\.name\]: Required/],
  ],
  [
    'for a registry is JSON, of which nothing is told',
    { type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': 'hunter2' } },
    [/^data\[\.dockerconfigjson\]: Invalid value: "<secret contents redacted>": must be a JSON object$/],
  ],
  ['of another type may hold anything', { type: 'example.com/key', data: { 'k-1_A.b': 'AA==' } }, []],
];
for (const [why, secret, expected] of CASES) {
  test(`a Secret ${why}`, () => {
    const found = mistakesOf(Secret, secret);
    assert.equal(found.length, expected.length, found.join('\n'));
    expected.forEach((pattern, i) => {
      assert.match(found[i] ?? '', pattern);
    });
  });
}

test('a Secret’s type never changes, and what is immutable stays', () => {
  const old = admitted(Secret, { stringData: { a: '1' } });
  assert.match(mistakesOf(Secret, { type: 'b' }, old)[0] ?? '', /^type: Invalid value: "b": field is immutable/);
  assert.deepEqual(mistakesOf(Secret, { stringData: { a: '2' }, immutable: true }, old), []);
  const fixed = { ...old, immutable: true };
  assert.deepEqual(mistakesOf(Secret, { stringData: { a: '1' }, immutable: true }, fixed), []);
  assert.deepEqual(mistakesOf(Secret, { stringData: { a: '2' } }, fixed), [
    'immutable: Forbidden: field is immutable when `immutable` is set',
    'data: Forbidden: field is immutable when `immutable` is set',
  ]);
});
