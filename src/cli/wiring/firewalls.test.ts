import { test } from 'node:test';
import { inNamespace, skipUnless, skipWithoutNft, skipWithoutPrograms } from '../../host/testing/in-namespace.ts';

test('the firewall that a machine uses is found', { skip: skipWithoutNft() || skipWithoutPrograms('iptables') }, () => {
  inNamespace(new URL('firewalls.fixture.ts', import.meta.url));
});

const skip =
  skipWithoutPrograms('firewalld', 'firewall-cmd', 'dbus-daemon') ||
  skipUnless(['mount', '-t', 'tmpfs', 'tmpfs', '/run']);

test('firewalld is found where it filters', { skip }, () => {
  inNamespace(new URL('firewalld-here.fixture.ts', import.meta.url));
});
