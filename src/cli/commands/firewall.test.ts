/** `postern firewall` as it is typed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandError, runCommand } from '../../host/process.ts';
import { inNamespace, skipWithoutNft } from '../../host/testing/in-namespace.ts';
import { PROGRAM } from '../wiring/defaults.ts';

test('a host that drops by default is looked at, opened and cleaned up', { skip: skipWithoutNft() }, () => {
  inNamespace(new URL('firewall.fixture.ts', import.meta.url));
});

test('a firewall that there is not is refused with those that there are', async () => {
  const error = await runCommand([PROGRAM, 'firewall', 'plan', '--firewall', 'ufw']).catch((thrown: unknown) => thrown);
  assert(error instanceof CommandError);
  assert.match(error.stderr, /auto, firewalld, nftables, iptables, none/);
});
