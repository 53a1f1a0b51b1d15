import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { addLabCommand } from './lab.ts';

/** The options of `postern lab up` with these flags, which starts nothing. */
function optionsOf(...flags: readonly string[]): Readonly<Record<string, unknown>> {
  const postern = new Command();
  addLabCommand(postern);
  const up = postern.commands[0]?.commands.find((command) => command.name() === 'up');
  assert.ok(up);
  up.action(() => {}).parse(['--dir', 'lab', ...flags], { from: 'user' });
  return up.opts();
}

test('agents leave the firewall alone, unless their nodes run one, or it is said otherwise', () => {
  assert.equal(optionsOf()['firewall'], 'none');
  assert.equal(optionsOf('--node-firewall', 'firewalld')['firewall'], 'auto');
  assert.equal(optionsOf('--node-firewall', 'firewalld', '--firewall', 'none')['firewall'], 'none');
});
