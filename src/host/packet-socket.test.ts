import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPacketSocket, PacketSocketError } from './packet-socket.ts';
import { inNamespace, skipUnless } from './testing/in-namespace.ts';

test('frames cross a veth pair, and the filter keeps the others out', { skip: skipUnless(['true']) }, () => {
  const seen = inNamespace(new URL('packet-socket.fixture.ts', import.meta.url));
  assert.deepEqual(JSON.parse(seen), {
    received: ['request'],
    ownMac: true,
    afterJoin: ['multicast'],
    linkGone: 'PacketSocketError',
    noSuch: 'packet socket on nope0: there is no such interface',
  });
});

test('an interface that is not there is named in the error', async () => {
  await assert.rejects(
    openPacketSocket({ interface: 'pst-absent', etherType: 0x0806 }),
    (error: unknown) => error instanceof PacketSocketError && error.interface === 'pst-absent',
  );
});
