import { test } from 'node:test';
import { inNamespace, skipUnless, skipWithoutPrograms } from '../../host/testing/in-namespace.ts';

const skip =
  skipWithoutPrograms('firewalld', 'firewall-cmd', 'dbus-daemon') ||
  skipUnless(['mount', '-t', 'tmpfs', 'tmpfs', '/run']);

test('firewalld opens and closes what it is told, and keeps the contract', { skip }, () => {
  inNamespace(new URL('firewalld.fixture.ts', import.meta.url));
});
