import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { type AnnouncerFlags, addAnnouncerOptions, announcerArgv, announcerOf } from './announcer-options.ts';
import { LAB_COMMANDS } from './wiring/lab.ts';

const typed = (...argv: readonly string[]): AnnouncerFlags =>
  addAnnouncerOptions(new Command()).parse(argv, { from: 'user' }).opts<AnnouncerFlags>();

test('interfaces are those that are named, and else whatever fits the node', async () => {
  assert.deepEqual((await announcerOf(typed('--l2-interfaces', 'eth0,bond0.7'))).interfaces, ['eth0', 'bond0.7']);
  assert.equal('interfaces' in (await announcerOf(typed())), false);
});

test('what a lab is told reaches the agents of all its nodes', () => {
  const flags = typed('--l2-interfaces', 'eth0,eth1', '--heartbeat-interval', '0', '--heartbeat-key', '/key');
  const credentials = { kind: 'kubeconfig', path: 'k', socketPath: 's' } as const;
  const place = { nodeName: 'node1', credentials, stateDir: 'd', lanInterface: 'eth0' };
  const argv = LAB_COMMANDS.agent({ ...place, addresses: [], ipFamilies: ['IPv4'], flags: announcerArgv(flags) });
  assert.deepEqual(typed(...argv.slice(argv.indexOf('--heartbeat-interval'))), flags);
});
