import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { FakeClock } from '../../../host/clock.ts';
import { seconds } from '../../../lib/duration.ts';
import { type Json, startTestServer, type TestServer } from '../../testing/server.ts';
import { TokenKeys } from './token-keys.ts';
import { Tokens } from './tokens.ts';

const key = () =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const account = { namespace: 'shop', serviceaccount: { name: 'web', uid: 'u1' } };
const ISSUER = 'https://issuer.example';

function world(pem = key()) {
  const clock = new FakeClock(Date.now());
  const gone: string[] = [];
  const tokens = new Tokens({
    keys: new TokenKeys(pem, ISSUER),
    clock,
    stillThere: async ({ serviceaccount: { name } }) => (gone.includes(name) ? `${name} is gone` : undefined),
  });
  const issue = (audiences = [ISSUER]) => tokens.issue({ account, audiences, seconds: 600 });
  return { clock, gone, tokens, issue };
}

test('a token says who its bearer is, until it expires', async () => {
  const { clock, tokens, issue } = world();
  const { token, expires } = await issue();
  assert.equal(expires, Math.floor(clock.now() / 1000) + 600);
  const { user } = await tokens.authenticate(token, [ISSUER]);
  assert.equal(user.name, 'system:serviceaccount:shop:web');
  assert.equal(user.uid, 'u1');
  assert.deepEqual(user.groups, ['system:serviceaccounts', 'system:serviceaccounts:shop', 'system:authenticated']);
  await clock.advance(seconds(620));
  await assert.rejects(tokens.authenticate(token, [ISSUER]), { name: 'TokenError' });
});

test('a token ends with what it is of, also one that was known', async () => {
  const { tokens, issue, gone } = world();
  const { token } = await issue();
  await tokens.authenticate(token, [ISSUER]);
  gone.push('web');
  await assert.rejects(tokens.authenticate(token, [ISSUER]), { name: 'TokenError', message: 'web is gone' });
});

test('a token is only good for whom it was made', async () => {
  const { tokens, issue } = world();
  const { token } = await issue(['vault']);
  await assert.rejects(tokens.authenticate(token, [ISSUER]), /token audiences \["vault"\] is invalid/);
  assert.deepEqual((await tokens.authenticate(token, ['vault', ISSUER])).audiences, ['vault']);
});

test('a token that was changed, or signed by another key, or not at all, is none', async () => {
  const { tokens, issue } = world();
  const { token } = await issue();
  const [header = '', payload = '', signature = ''] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const forged = encode({ ...claims, sub: 'system:serviceaccount:shop:admin' });
  const unsigned = encode({ alg: 'none' });
  const other = await world().issue();
  for (const bad of [
    `${header}.${forged}.${signature}`,
    `${unsigned}.${payload}.`,
    `${encode({ alg: 'HS256' })}.${payload}.${signature}`,
    other.token,
    'x',
    'a.b.c',
    '.'.repeat(100_000),
  ]) {
    await assert.rejects(tokens.authenticate(bad, [ISSUER]), { name: 'TokenError' }, bad.slice(0, 40));
  }
});

describe('the tokens of a server', () => {
  let server: TestServer;
  const SA = '/api/v1/namespaces/default/serviceaccounts';
  const PODS = '/api/v1/namespaces/default/pods';
  const bearer = (token: string) => ({ as: null, headers: { authorization: `Bearer ${token}` } });
  const request = async (name: string, spec: object = {}, as = server.admin): Promise<Json> =>
    server.call('POST', `${SA}/${name}/token`, {
      as,
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec },
    });
  const pod = (name: string, spec: object = {}) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { serviceAccountName: 'web', containers: [{ name: 'c', image: 'i' }], ...spec },
  });

  before(async () => {
    server = await startTestServer();
    for (const name of ['web', 'other']) {
      const body = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } };
      assert.equal((await server.call('POST', SA, { body })).code, 201);
    }
    assert.equal((await server.call('POST', PODS, { body: pod('a', { nodeName: 'node1' }) })).code, 201);
  });
  after(() => server.close());

  test('lasts an hour unless something else is asked for, and says until when', async () => {
    const { code, body } = await request('web');
    assert.equal(code, 201);
    assert.equal(body.kind, 'TokenRequest');
    assert.equal(body.metadata.name, 'web');
    assert.equal(body.spec.expirationSeconds, 3600);
    assert.deepEqual(body.spec.audiences, ['https://kubernetes.default.svc.cluster.local']);
    const left = Date.parse(body.status.expirationTimestamp) - Date.now();
    assert.ok(Math.abs(left - 3_600_000) < 60_000, String(left));
    const short = await request('web', { expirationSeconds: 599 });
    assert.equal(short.code, 422);
    assert.match(short.body.message, /may not specify a duration less than 10 minutes/);
    assert.equal((await request('nobody')).code, 404);
  });

  test('let their bearer find out who it is and what there is, and nothing more', async () => {
    const { body } = await request('web');
    const as = bearer(body.status.token);
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
    const self = await server.call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      ...as,
      body: review,
    });
    assert.equal(self.code, 201);
    assert.equal(self.body.status.userInfo.username, 'system:serviceaccount:default:web');
    assert.match(self.body.status.userInfo.extra['authentication.kubernetes.io/credential-id'][0], /^JTI=/);
    for (const path of ['/version', '/healthz', '/api', '/apis', '/openapi/v3', '/openid/v1/jwks']) {
      assert.equal((await server.call('GET', path, as)).code, 200, path);
    }
    const refused = await server.call('GET', PODS, as);
    assert.equal(refused.code, 403);
    assert.equal(
      refused.body.message,
      'pods is forbidden: User "system:serviceaccount:default:web" cannot list resource "pods" in API group "" in the namespace "default"',
    );
    assert.equal((await server.call('GET', '/metrics', as)).code, 403);
    assert.equal((await server.call('GET', PODS, bearer(`${body.status.token}x`))).code, 401);
  });

  test('that are bound to a pod end with it', async () => {
    await server.call('POST', PODS, { body: pod('short-lived') });
    const bound = { apiVersion: 'v1', kind: 'Pod', name: 'short-lived' };
    const { body } = await request('web', { boundObjectRef: bound });
    const as = bearer(body.status.token);
    assert.equal((await server.call('GET', '/api', as)).code, 200);
    assert.equal((await server.call('DELETE', `${PODS}/short-lived`)).code, 200);
    assert.equal((await server.call('GET', '/api', as)).code, 401);
    const wrong = await request('other', { boundObjectRef: { ...bound, name: 'a' } });
    assert.equal(wrong.code, 400);
    assert.match(wrong.body.message, /pod running with different serviceaccount name/);
    const replaced = await request('web', { boundObjectRef: { ...bound, name: 'a', uid: 'another' } });
    assert.equal(replaced.code, 409);
  });

  test('are given to agents of nodes for the pods of their own node alone', async () => {
    const agent = (node: string) =>
      server.pki.issueClientCertificate({ commonName: `system:node:${node}`, organizations: ['system:nodes'] });
    const [own, foreign] = [await agent('node1'), await agent('node2')];
    const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: 'a' };
    const given = await request('web', { boundObjectRef }, own);
    assert.equal(given.code, 201);
    const payload = JSON.parse(Buffer.from(given.body.status.token.split('.')[1], 'base64url').toString());
    assert.equal(payload['kubernetes.io'].pod.name, 'a');
    const elsewhere = await request('web', { boundObjectRef }, foreign);
    assert.equal(elsewhere.code, 403);
    assert.match(elsewhere.body.message, /pod scheduled on a different node/);
    assert.equal((await request('web', {}, own)).code, 403);
  });

  test('can be checked by others: by a review, and by the public key', async () => {
    const { body } = await request('web', { audiences: ['vault'] });
    const review = async (spec: object) => {
      const sent = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec };
      return (await server.call('POST', '/apis/authentication.k8s.io/v1/tokenreviews', { body: sent })).body.status;
    };
    const good = await review({ token: body.status.token, audiences: ['vault'] });
    assert.equal(good.authenticated, true);
    assert.equal(good.user.username, 'system:serviceaccount:default:web');
    assert.deepEqual(good.audiences, ['vault']);
    const bad = await review({ token: body.status.token });
    assert.equal(bad.authenticated, false);
    const jwks = await server.call('GET', '/openid/v1/jwks');
    const { jwtVerify } = await import('jose/jwt/verify');
    const { importJWK } = await import('jose/key/import');
    const publicKey = await importJWK(JSON.parse(jwks.text).keys[0]);
    const { payload } = await jwtVerify(body.status.token, publicKey, { audience: 'vault' });
    const configuration = await server.call('GET', '/.well-known/openid-configuration');
    assert.equal(payload.iss, configuration.body.issuer);
  });
});
