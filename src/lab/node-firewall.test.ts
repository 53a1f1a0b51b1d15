import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LabError } from './error.ts';
import { checkNodeFirewall } from './node-firewall.ts';

test('what nodes with a firewall need and this machine lacks is told at once, with the command that brings it', () => {
  assert.throws(
    () => checkNodeFirewall([]),
    (error) =>
      error instanceof LabError &&
      /need firewalld, firewall-cmd, dbus-daemon, dbus-send/.test(error.message) &&
      /apt-get install -y --no-install-recommends firewalld dbus$/m.test(error.message),
  );
});
