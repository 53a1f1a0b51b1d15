import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { inNamespace, skipWithoutNft } from '../host/testing/in-namespace.ts';
import { IP_FAMILIES } from '../lib/ip.ts';
import { GATEWAY, GUESTS } from './testing/world.ts';

// A guest sees who connected, or the node's address on its bridge where the source was replaced.
describe('a node forwards real connections', { skip: skipWithoutNft() }, () => {
  let seen: Readonly<Record<string, unknown>> = {};
  before(() => {
    seen = JSON.parse(inNamespace(new URL('testing/end-to-end.fixture.ts', import.meta.url)));
  });

  for (const family of IP_FAMILIES) {
    const [guest1, guest2] = GUESTS;
    const gateway = GATEWAY[family];
    const masqueraded = [`guest1 ${gateway}`, `guest2 ${gateway}`];

    test(`from the node, by cluster IP and node port, to both guests, over ${family}`, () => {
      assert.deepEqual(seen[`node to cluster IP ${family}`], masqueraded);
      assert.deepEqual(seen[`node to node port ${family}`], masqueraded);
    });

    test(`from outside, by node port and load balancer address, over ${family}`, () => {
      assert.deepEqual(seen[`client to node port ${family}`], masqueraded);
      assert.deepEqual(seen[`client to load balancer ${family}`], masqueraded);
    });

    test(`from a guest, who keeps its address and reaches itself through the node, over ${family}`, () => {
      const fromFirst = [`guest1 ${gateway}`, `guest2 ${guest1[family]}`];
      assert.deepEqual(seen[`guest to cluster IP ${family}`], fromFirst);
      assert.deepEqual(seen[`guest to node port ${family}`], fromFirst);
      assert.deepEqual(seen[`guest to load balancer ${family}`], [`guest1 ${guest2[family]}`, `guest2 ${gateway}`]);
      assert.deepEqual(seen[`guest to UDP ${family}`], [`guest1 ${guest2[family]}`]);
    });

    test(`refuses at once where nothing is ready, or nothing is served, over ${family}`, () => {
      assert.equal(seen[`guest to nothing ${family}`], 'ECONNREFUSED');
      assert.equal(seen[`node to nothing ${family}`], 'ECONNREFUSED');
      assert.equal(seen[`guest to another port ${family}`], 'ECONNREFUSED');
      assert.equal(seen[`node to UDP nothing ${family}`], 'ECONNREFUSED');
      assert.equal(seen[`refused at once ${family}`], true);
    });

    test(`by a limited load balancer address, only from its source ranges, over ${family}`, () => {
      const reached = (step: string) => (seen[step] as Record<string, unknown>)[family];
      assert.deepEqual(reached('limited to guest2'), ['guest2']);
      assert.deepEqual(reached('limited to the LAN'), ['client', 'node']);
      assert.deepEqual(reached('limited to the client, by IPv4'), family === 'IPv4' ? ['client'] : []);
      assert.equal(seen[`limited, by node port ${family}`], `guest1 ${gateway}`);
    });

    test(`never again to a guest that left, not even a UDP flow that goes on, over ${family}`, () => {
      const flow = { before: `guest1 ${guest2[family]}`, after: `guest2 ${gateway}` };
      assert.deepEqual(seen[`UDP flow ${family}`], flow);
      assert.deepEqual(seen[`after one guest left ${family}`], [`guest2 ${gateway}`]);
    });
  }

  test('forwarding goes on when the proxy stops, and cleaning up leaves nothing', () => {
    assert.equal(seen['still forwards when stopped'], `guest2 ${GATEWAY.IPv4}`);
    assert.equal(seen['left behind'], '');
  });
});
