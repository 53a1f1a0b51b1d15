import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { besideOthers, skipUnless, skipWithoutPrograms } from '../../host/testing/in-namespace.ts';

const NODE = '02:00:00:00:00:01';
const STRANGER = '02:00:00:00:00:ee';
const skip =
  skipWithoutPrograms('arping', 'ndisc6', 'tcpdump', 'ip') ||
  skipUnless(['ip', 'link', 'add', 'a0', 'type', 'veth', 'peer', 'name', 'b0']);

// Each family on a LAN of its own, and waiting for most of the time.
describe('on a LAN with a client and a stranger', { concurrency: true }, () => {
  for (const [family, host, forms] of [
    ['IPv4', (number: number) => `192.168.77.${number}`, [true, true, false]],
    ['IPv6', (number: number) => `fd77::${number}`, [false, false, true]],
  ] as const) {
    test(`${family} addresses are announced and given up as they should`, { skip }, async () => {
      const seen = JSON.parse(await besideOthers(new URL('lan.fixture.ts', import.meta.url), [family]));
      const conflict = (address: string) => ['begun', 'over'].map((state) => `${state} ${address} eth0 ${STRANGER}`);
      assert.deepEqual(seen, {
        // A client that had the MAC of a node that failed; tcpdump sees each form more than once.
        tookOver: true,
        told: forms,
        answers: [[NODE], []],
        // Somebody has the address already: it is announced when it is free.
        held: [true, [STRANGER], []],
        letGo: [true, [NODE], conflict(host(110))],
        // Somebody takes one that is announced: the first time it is defended.
        defended: [true, true],
        gaveUp: [true, []],
        backAgain: [true, [NODE], conflict(host(100))],
        // A host that checks first does not take it.
        duplicate: true,
        tagged: 0,
        untagged: 1,
        // The kernel answers for the node's own address, and nobody else does.
        own: [[], [NODE]],
        asked: [true, false],
      });
    });
  }
});
