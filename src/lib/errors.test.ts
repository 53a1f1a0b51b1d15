import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { codeOf, messageOf, whyUnreachable } from './errors.ts';

test('whatever was thrown has a message', () => {
  assert.equal(messageOf(new TypeError('no such thing')), 'no such thing');
  assert.equal(messageOf('no such thing'), 'no such thing');
  assert.equal(messageOf(undefined), 'undefined');
});

test('errors of the system are told by their code; what has none has none', () => {
  const missing = () => readFileSync('/nowhere/at/all');
  assert.throws(missing, (error) => codeOf(error) === 'ENOENT');
  assert.equal(codeOf(new Error('ENOENT')), undefined);
  assert.equal(codeOf(Object.assign(new Error('no'), { code: 5 })), undefined);
  assert.equal(codeOf({ code: 'ENOENT' }), undefined);
  assert.equal(codeOf(null), undefined);
});

test('a name that is not resolved is told as such, anything else as the system says it', () => {
  const failed = (code: string) =>
    Object.assign(new Error(`getaddrinfo ${code} a.invalid`), { code, hostname: 'a.invalid' });
  assert.equal(whyUnreachable(failed('ENOTFOUND')), 'the name a.invalid cannot be resolved');
  assert.match(whyUnreachable(failed('EAI_AGAIN')), /^the name a\.invalid cannot be resolved now/);
  assert.equal(whyUnreachable(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })), 'refused');
});
