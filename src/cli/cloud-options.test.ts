import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { Command } from 'commander';
import { addCloudOptions, type CloudFlags, cloudArgv } from './cloud-options.ts';

function parse(argv: readonly string[]): CloudFlags {
  const command = addCloudOptions(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  return command.parse([...argv], { from: 'user' }).opts<CloudFlags>();
}

test('what a server is told of clouds it passes on as it was meant', () => {
  assert.deepEqual(parse([]), { cloudNodePorts: ['0.0.0.0/0', '::/0'], cloudSweep: 300_000 });
  const flags = parse([
    ...['--cloud-provider', 'oci', '--cloud-config', 'cloud.yaml', '--default-load-balancer', 'nobody'],
    ...['--cluster-name', 'one', '--cloud-node-ports', '10.0.0.0/8', '--cloud-sweep', '60s'],
  ]);
  assert.deepEqual(parse(cloudArgv(flags)), { ...flags, cloudConfig: resolve('cloud.yaml') });
  assert.deepEqual(parse(cloudArgv(parse(['--cloud-node-ports', 'none']))).cloudNodePorts, []);
});

test('what cannot be meant is refused with what to write', () => {
  for (const [argv, message] of [
    [['--cloud-provider', 'other'], /Allowed choices are oci/],
    [['--cluster-name', 'a/b'], /letters, digits/],
    [['--cloud-node-ports', '10.0.0.0/33'], /is not a prefix such as/],
    [['--cloud-sweep', '1s'], /at least 10s/],
  ] as const) {
    assert.throws(() => parse(argv), message);
  }
});
