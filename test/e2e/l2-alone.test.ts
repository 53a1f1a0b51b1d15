import { test } from 'node:test';
import { inNamespace, skipWithoutNft, skipWithoutPrograms } from '../../src/host/testing/in-namespace.ts';

const skip = skipWithoutNft() || skipWithoutPrograms('arping', 'ndisc6');

test('postern l2 and postern controllers serve addresses beside an API server of others', { skip }, () => {
  inNamespace(new URL('l2-alone.fixture.ts', import.meta.url));
});
