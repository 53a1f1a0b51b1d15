import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Secret } from '../../api/core/v1/secret.ts';
import { credentialsFor, parsePullSecret } from './credentials.ts';
import { parseReference } from './reference.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const secret = (type: string, key: string, value: unknown): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'pull', namespace: 'default' },
  type,
  data: { [key]: base64(typeof value === 'string' ? value : JSON.stringify(value)) },
});
const dockerConfig = (auths: object): Secret =>
  secret('kubernetes.io/dockerconfigjson', '.dockerconfigjson', { auths });

/** Users whose credentials are tried for an image, in order. */
function usersFor(image: string, auths: Readonly<Record<string, string>>): readonly (string | undefined)[] {
  const entries = Object.entries(auths).map(([host, username]) => [host, { username, password: 'p' }]);
  const parsed = parsePullSecret(dockerConfig(Object.fromEntries(entries)));
  const reference = parseReference(image);
  assert.ok(parsed.kind === 'credentials' && reference.kind === 'reference');
  return credentialsFor(reference, parsed.credentials).map(({ username }) => username);
}

test('both formats are read, with the name and the password together or apart', () => {
  const auth = base64('amy:se:cret');
  for (const parsed of [
    parsePullSecret(dockerConfig({ 'example.com': { auth } })),
    parsePullSecret(secret('kubernetes.io/dockercfg', '.dockercfg', { 'https://example.com/v1/': { auth } })),
    parsePullSecret(dockerConfig({ 'http://example.com': { username: 'amy', password: 'se:cret' } })),
  ]) {
    assert.ok(parsed.kind === 'credentials');
    assert.deepEqual(
      parsed.credentials.map(({ host, auth: { username, password } }) => [host, username, password]),
      [['example.com', 'amy', 'se:cret']],
    );
  }
});

test('credentials are for their registry only, with its port, and for all of a domain with *', () => {
  const auths = {
    'example.com': 'plain',
    'example.com:5000': 'port',
    '*.example.com': 'any',
    'b*d.example.com': 'part',
  };
  assert.deepEqual(usersFor('example.com/app', auths), ['plain']);
  assert.deepEqual(usersFor('example.com:5000/app', auths), ['port']);
  assert.deepEqual(usersFor('build.example.com/app', auths), ['any', 'part']);
  assert.deepEqual(usersFor('a.b.example.com/app', auths), []);
  assert.deepEqual(usersFor('evilexample.com/app', auths), []);
});

test('the longest path comes first, and a path is not half a name', () => {
  const auths = { 'example.com': 'all', 'example.com/team': 'team', 'example.com/team/app': 'app' };
  assert.deepEqual(usersFor('example.com/team/app:1', auths), ['app', 'team', 'all']);
  assert.deepEqual(usersFor('example.com/teams/app:1', auths), ['all']);
});

test('Docker Hub has several names', () => {
  const auths = { 'https://index.docker.io/v1/': 'old', 'docker.io': 'new', 'example.com': 'other' };
  assert.deepEqual(usersFor('busybox', auths), ['old', 'new']);
});

test('a Secret that is no use says why, and nothing of what is in it', () => {
  const why = (each: Secret): string => {
    const parsed = parsePullSecret(each);
    assert.ok(parsed.kind === 'invalid');
    return parsed.why;
  };
  assert.match(why(secret('Opaque', '.dockerconfigjson', {})), /its type is "Opaque"/);
  assert.match(why(secret('kubernetes.io/dockerconfigjson', 'other', {})), /it has no \.dockerconfigjson/);
  const broken = why(secret('kubernetes.io/dockerconfigjson', '.dockerconfigjson', '{"auths": hunter2'));
  assert.match(broken, /not in the format/);
  assert.doesNotMatch(broken, /hunter2/);
});
