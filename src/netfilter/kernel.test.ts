import { test } from 'node:test';
import { inNamespace, skipWithoutNft } from '../host/testing/in-namespace.ts';

test('the kernel keeps the contract', { skip: skipWithoutNft() }, () => {
  inNamespace(new URL('kernel.fixture.ts', import.meta.url));
});

test('a first load of large tables leaves what a script does, or nothing', { skip: skipWithoutNft() }, () => {
  inNamespace(new URL('first-load.fixture.ts', import.meta.url));
});

test('what packets count is told to the byte', { skip: skipWithoutNft() }, () => {
  inNamespace(new URL('counters.fixture.ts', import.meta.url));
});

const unprivileged = { unprivileged: true } as const;
test('an ordinary user’s namespace takes a load of any size', { skip: skipWithoutNft(unprivileged) }, () => {
  inNamespace(new URL('large-load.fixture.ts', import.meta.url), [], unprivileged);
});
