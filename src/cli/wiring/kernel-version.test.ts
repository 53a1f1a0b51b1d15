import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kernelTooOld } from './kernel-version.ts';

test('Linux 5.13 is the first that serves', () => {
  for (const release of ['5.13.0', '5.15.0-91-generic', '6.1.0-18-amd64', '10.0.0']) {
    assert.equal(kernelTooOld(release), undefined, release);
  }
  for (const release of ['5.12.19', '4.19.0-26-amd64', '5.4.0']) {
    assert.match(kernelTooOld(release) ?? '', /needs Linux 5\.13 or newer; this is Linux \d/, release);
  }
});

test('of a release that cannot be read, nothing is said', () => {
  assert.equal(kernelTooOld('custom'), undefined);
});
