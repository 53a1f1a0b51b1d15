import { describe, test } from 'node:test';
import { besideOthers, skipUnless, skipWithoutNft, skipWithoutPrograms } from '../../host/testing/in-namespace.ts';

const skip =
  skipWithoutPrograms('firewalld', 'firewall-cmd', 'dbus-daemon') ||
  skipUnless(['mount', '-t', 'tmpfs', 'tmpfs', '/run']);

// Each has a firewalld of its own, and waits for it.
describe('beside firewalld', { concurrency: true }, () => {
  test('firewalld opens and closes what it is told', { skip }, async () => {
    await besideOthers(new URL('contract.fixture.ts', import.meta.url));
  });

  test('packets are let in, and firewalld may end, reload, panic and refuse', { skip }, async () => {
    await besideOthers(new URL('firewalld.fixture.ts', import.meta.url));
  });

  test('what is enforced is reached by those whom zones of firewalld admit', {
    skip: skip || skipWithoutNft(),
  }, async () => {
    await besideOthers(new URL('enforce.fixture.ts', import.meta.url));
  });

  test('firewalld is reloaded where that makes many rules apply at once, and takes nothing else away', {
    skip,
  }, async () => {
    await besideOthers(new URL('reload.fixture.ts', import.meta.url));
  });
});
