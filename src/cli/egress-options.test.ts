import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { addEgressOptions, type EgressFlags, egressArgv, egressFlags } from './egress-options.ts';

function parsed(...argv: readonly string[]): EgressFlags {
  const command = addEgressOptions(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  return egressFlags(command.parse(argv, { from: 'user' }).opts<EgressFlags>());
}

test('both families are masqueraded, unless one or none is asked for', () => {
  assert.deepEqual(parsed().masquerade, ['IPv4', 'IPv6']);
  assert.deepEqual(parsed('--masquerade', 'ipv6').masquerade, ['IPv6']);
  assert.deepEqual(parsed('--masquerade', 'none').masquerade, []);
  assert.deepEqual(parsed('--masquerade=false').masquerade, []);
  assert.throws(() => parsed('--masquerade', 'some'), /It is all, ipv4, ipv6 or none\./);
});

test('a lab tells its agents just what it was told', () => {
  for (const argv of [
    [],
    ['--masquerade', 'none'],
    ['--masquerade', 'ipv4', '--non-masquerade-cidrs', '10.0.0.0/8,fd00::/8'],
  ]) {
    const flags = parsed(...argv);
    assert.deepEqual(parsed(...egressArgv(flags)), flags);
  }
});
