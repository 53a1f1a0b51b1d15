import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inNamespace, skipUnless, skipWithoutPrograms } from '../../host/testing/in-namespace.ts';

const CABLE = 'ip link add a0 type veth peer name b0';
const tools = skipWithoutPrograms('arping', 'ndisc6', 'ip');
const skip = tools || skipUnless(CABLE.split(' '));

for (const family of ['IPv4', 'IPv6']) {
  test(`${family} addresses are announced on interfaces that come, and again when they change`, { skip }, () => {
    const seen = JSON.parse(inNamespace(new URL('links.fixture.ts', import.meta.url), [family]));
    assert.deepEqual(seen, {
      appeared: [true, ['02:00:00:00:01:01']],
      newMAC: [true, ['02:00:00:00:01:02']],
      down: [true, []],
      up: [true, ['02:00:00:00:01:02']],
      unplugged: true,
      plugged: [true, ['02:00:00:00:01:02']],
      // As a port of a bridge, the interface stands for the bridge.
      bridge: [true, ['02:00:00:00:01:0b']],
      noBridge: [true, ['02:00:00:00:01:02']],
      gone: [true, []],
    });
  });
}

/** How the kernel is asked whether it has a kind of interface at all. */
const kinds = [
  ['macvlan', 'ip link add x0 link a0 type macvlan mode bridge'],
  ['vlan', 'ip link add link a0 name x0 type vlan id 5'],
  ['bond', 'ip link add x0 type bond'],
] as const;

for (const [kind, probe] of kinds) {
  const unknown = tools || skipUnless(['sh', '-c', `${CABLE} && ${probe}`]);
  test(`addresses are announced on a ${kind}, with its MAC`, { skip: unknown }, () => {
    for (const family of ['IPv4', 'IPv6']) {
      const seen = JSON.parse(inNamespace(new URL('kinds.fixture.ts', import.meta.url), [kind, family]));
      assert.deepEqual(seen, { isOn: true, found: ['02:00:00:00:01:0c'] }, family);
    }
  });
}
