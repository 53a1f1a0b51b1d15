import { test } from 'node:test';
import { inNamespace, skipUnless, skipWithoutPrograms } from '../../host/testing/in-namespace.ts';

const skip =
  skipWithoutPrograms('firewalld', 'firewall-cmd', 'dbus-daemon') ||
  skipUnless(['mount', '-t', 'tmpfs', 'tmpfs', '/run']);

test('pods get by a firewalld that drops by default', { skip }, () => {
  inNamespace(new URL('pods.fixture.ts', import.meta.url));
});
