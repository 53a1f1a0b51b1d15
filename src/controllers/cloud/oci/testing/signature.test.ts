import assert from 'node:assert/strict';
import { createHash, createPrivateKey, sign } from 'node:crypto';
import { test } from 'node:test';
import { type ApiKey, makeApiKey } from './api-key.ts';
import { Failure } from './failure.ts';
import type { WireRequest } from './front.ts';
import { authenticate, MAX_SKEW } from './signature.ts';

const NOW = Date.parse('2026-03-01T10:20:30Z');
const KEY_ID = 'tenancy/user/fingerprint';

interface Made {
  readonly method?: string;
  readonly body?: string;
  readonly date?: number;
  readonly signed?: readonly string[];
}

/** As the documents describe it, without the SDK. */
function made(key: ApiKey, { method = 'POST', body = '{}', date = NOW, signed }: Made = {}): WireRequest {
  const target = '/20160918/vcns?limit=3';
  const headers: Record<string, string> = {
    host: 'iaas.test',
    date: new Date(date).toUTCString(),
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'x-content-sha256': createHash('sha256').update(body).digest('base64'),
  };
  const usual = ['(request-target)', 'host', 'date'];
  const all = ['content-type', 'content-length', 'x-content-sha256'];
  const names = signed ?? (method === 'GET' ? usual : [...usual, ...all]);
  const lines = names.map((name) =>
    name === '(request-target)' ? `${name}: ${method.toLowerCase()} ${target}` : `${name}: ${headers[name]}`,
  );
  const signature = sign('RSA-SHA256', Buffer.from(lines.join('\n')), createPrivateKey(key.privateKey)).toString(
    'base64',
  );
  const parameters = { version: '1', keyId: KEY_ID, algorithm: 'rsa-sha256', headers: names.join(' '), signature };
  const text = Object.entries(parameters).map(([name, value]) => `${name}="${value}"`);
  return { method, target, headers: { ...headers, authorization: `Signature ${text.join(',')}` }, body };
}

const refused = (why: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Failure, String(error));
  assert.deepEqual([error.status, error.code], [401, 'NotAuthenticated']);
  assert.match(error.message, why);
  return true;
};

test('a request signed with the key that it names is let in, and no other', async () => {
  const [key, other] = await Promise.all([makeApiKey(), makeApiKey()]);
  const enter = (request: WireRequest, of = key) =>
    authenticate(request, (keyId) => (keyId === KEY_ID ? of.publicKey : undefined), NOW);
  assert.equal(enter(made(key)), KEY_ID);
  assert.equal(enter(made(key, { method: 'GET', body: '' })), KEY_ID);
  const good = made(key);
  const { authorization: _, ...unsigned } = good.headers;
  const wrong: [WireRequest, RegExp][] = [
    [{ ...good, headers: unsigned }, /there is no signature/],
    [made(other), /not of this request/],
    [{ ...good, target: '/20160918/vcns?limit=4' }, /not of this request/],
    [{ ...good, body: '{"a":1}' }, /x-content-sha256 is not that of the body/],
    [made(key, { date: NOW + MAX_SKEW + 1000 }), /too far from now/],
    [made(key, { date: NOW - MAX_SKEW - 1000 }), /too far from now/],
    [
      made(key, { signed: ['(request-target)', 'host', 'date'] }),
      /content-length, content-type, x-content-sha256 is not/,
    ],
    [made(key, { method: 'GET', body: '', signed: ['host', 'date'] }), /\(request-target\) is not signed/],
    [made(key, { method: 'GET', body: '', signed: ['host', '(request-target)'] }), /date is not signed/],
  ];
  for (const [request, why] of wrong) assert.throws(() => enter(request), refused(why));
  assert.throws(() => authenticate(good, () => undefined, NOW), refused(/the key is not known/));
});
