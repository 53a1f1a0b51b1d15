import { test } from 'node:test';
import { inNamespace, skipUnless, skipWithoutPrograms } from '../../host/testing/in-namespace.ts';

const skip = skipWithoutPrograms('conntrack') || skipUnless(['conntrack', '-L']);
test('the kernel keeps the contract, by the word of the program conntrack', { skip }, () => {
  inNamespace(new URL('kernel.fixture.ts', import.meta.url));
});
