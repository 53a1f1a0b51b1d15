import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inNamespace, skipUnless, skipWithoutPrograms } from '../host/testing/in-namespace.ts';

const MAC = '02:00:00:00:00:01';
const skip = skipWithoutPrograms('arping', 'ndisc6', 'ping', 'ip') || skipUnless(['true']);

test('a client on the LAN finds the announced addresses, and only those', { skip }, () => {
  const seen = inNamespace(new URL('namespaces.fixture.ts', import.meta.url));
  const where = { interfaces: ['lan0'], services: ['ns/web'] };
  assert.deepEqual(JSON.parse(seen), {
    announcing: [
      // One of the node's own: the kernel answers for it, we do not.
      { address: '192.168.77.1', protocol: 'ARP', interfaces: [], services: ['ns/web'] },
      { address: '192.168.77.100', protocol: 'ARP', ...where },
      { address: 'fd77::100', protocol: 'NDP', ...where },
    ],
    tookOver: [true, true],
    arping: [MAC, MAC],
    ndisc6: MAC,
    unassigned: [[], 'no answer'],
    joined: true,
    asked: [MAC, MAC],
    withdrawn: [[], 'no answer'],
    left: true,
  });
});
