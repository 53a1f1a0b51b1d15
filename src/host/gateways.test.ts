import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseGateways, readGateways } from './gateways.ts';

const ROUTE = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	0102A8C0	0003	0	0	100	00000000	0	0	0
eth0	0002A8C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
eth1	0000000A	FE02A8C0	0003	0	0	0	000000FF	0	0	0
`;
const IPV6_ROUTE = `fd770000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
`;

test('default routes’ gateways are found, and neither those of other routes nor the kernel’s own entries', () => {
  assert.deepEqual(parseGateways(ROUTE, IPV6_ROUTE), ['192.168.2.1', 'fe80::1']);
});

test('a machine without a family, or without routes, has none', () => {
  assert.deepEqual(parseGateways('', ''), []);
  assert.doesNotThrow(readGateways);
});
