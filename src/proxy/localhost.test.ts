import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryNetfilter } from '../netfilter/memory.ts';
import { ForwardingTable } from './forwarding/forwarding-table.ts';
import { type Setting, withLocalhost } from './localhost.ts';
import { localitiesOf } from './locality.ts';
import type { Mode } from './mode.ts';
import { nftablesMode } from './nftables/nftables-mode.ts';

const NOTHING = new ForwardingTable([]);

/** A mode and a setting of the kernel that say what they did, in order. */
function kernel(value: string) {
  const done: string[] = [];
  const setting: Setting = {
    read: async () => `${value}\n`,
    write: async (wanted) => {
      value = wanted;
      done.push(`route_localnet ${wanted === '0' ? 'off' : 'on'}`);
    },
  };
  const note = (what: string) => async () => void done.push(what);
  const mode: Mode = {
    ...{ name: 'nftables', families: ['IPv4'], load: note('load'), change: note('change'), tidy: note('tidy') },
    ...{ intact: async () => true, remove: note('remove') },
  };
  return { done, mode: (wanted: boolean) => withLocalhost(mode, wanted, setting), value: () => value };
}

test('loopback addresses are let through once the rules guard them, and not when they no longer do', async () => {
  const { done, mode } = kernel('0');
  await mode(true).load(NOTHING);
  await mode(true).load(NOTHING);
  await mode(true).remove();
  assert.deepEqual(done, ['load', 'route_localnet on', 'load', 'route_localnet off', 'remove']);
});

test('what an earlier run let through ends before the rules change, when it is wanted no more', async () => {
  const { done, mode } = kernel('0');
  await mode(true).load(NOTHING);
  await mode(false).load(NOTHING);
  assert.deepEqual(done, ['load', 'route_localnet on', 'route_localnet off', 'load']);
});

test('whatever else a mode offers, it offers still', () => {
  const netfilter = new MemoryNetfilter();
  const mode = nftablesMode({ netfilter, localities: localitiesOf({ podCIDRs: [], clusterCIDRs: [] }) });
  const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(mode)).filter((name) => name !== 'constructor');
  const wrapped = withLocalhost(mode, true);
  assert.deepEqual(
    methods.filter((name) => !(name in wrapped)),
    [],
  );
});

test('what others let through stays', async () => {
  const { mode, value } = kernel('1');
  await mode(true).load(NOTHING);
  await mode(true).remove();
  await mode(false).load(NOTHING);
  assert.equal(value(), '1');
});
