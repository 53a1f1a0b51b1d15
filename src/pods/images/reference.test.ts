import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseReference } from './reference.ts';

const SHA = 'a'.repeat(64);

test('names are completed as containerd completes them', () => {
  const cases: Readonly<Record<string, string>> = {
    busybox: 'docker.io/library/busybox:latest',
    'busybox:1.36': 'docker.io/library/busybox:1.36',
    'team/app': 'docker.io/team/app:latest',
    'docker.io/busybox': 'docker.io/library/busybox:latest',
    'index.docker.io/team/app:1': 'docker.io/team/app:1',
    'localhost/app': 'localhost/app:latest',
    'localhost:5000/app:1': 'localhost:5000/app:1',
    'registry.example.com/a/b/c:v1': 'registry.example.com/a/b/c:v1',
    '[fd00::1]:5000/app:1': '[fd00::1]:5000/app:1',
    [`app@sha256:${SHA}`]: `docker.io/library/app@sha256:${SHA}`,
    [`app:1@sha256:${SHA}`]: `docker.io/library/app:1@sha256:${SHA}`,
  };
  for (const [text, name] of Object.entries(cases)) {
    const reference = parseReference(text);
    assert.equal(reference.kind === 'reference' ? reference.name : reference.why, name, text);
  }
});

test('the parts of a name are told apart', () => {
  assert.deepEqual(parseReference('example.com:443/a/b:v1'), {
    kind: 'reference',
    registry: 'example.com:443',
    repository: 'a/b',
    tag: 'v1',
    digest: undefined,
    name: 'example.com:443/a/b:v1',
  });
});

test('what is no name is refused, whatever its length', () => {
  const malformed = [
    '',
    ' ',
    'a b',
    'UPPER',
    'a:',
    'a::b',
    '/a',
    'a/',
    'a//b',
    'a:ta g',
    'a@sha256:12',
    '-a',
    'a_-_b',
    SHA,
  ];
  for (const text of [...malformed, `a${'-'.repeat(100_000)}`, `${'a/'.repeat(400)}a`, `a:${'t'.repeat(129)}`]) {
    assert.equal(parseReference(text).kind, 'invalid', text.slice(0, 50));
  }
});
