import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Node } from '../../api/core/v1/node.ts';
import { type CIDR, mustParseCIDR, printCIDR } from '../../lib/ip.ts';
import { type World, world } from '../testing.ts';
import { freePrefix } from './free-prefix.ts';
import { nodeIPAMController } from './nodeipam.ts';

const node = (name: string, podCIDRs?: string[]): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  ...(podCIDRs ? { spec: { podCIDRs } } : {}),
});

function start(clusterCIDRs: string[], ...nodes: Node[]): Promise<World> {
  const own = { clusterCIDRs: clusterCIDRs.map(mustParseCIDR), nodeMaskSizes: { IPv4: 24, IPv6: 64 } };
  return world(nodes, (parts) => nodeIPAMController({ ...parts, ...own }));
}

async function given(w: World): Promise<Record<string, string | undefined>> {
  return Object.fromEntries(
    (await w.all(Node)).map(({ metadata, spec }) => [metadata.name, spec?.podCIDRs?.join(' ')]),
  );
}

describe('the lowest free prefix', () => {
  const cases: [string, string, number, string[], string | undefined][] = [
    ['is the first when nothing is taken', '10.244.0.0/16', 24, [], '10.244.0.0/24'],
    ['is after those that are taken', '10.244.0.0/16', 24, ['10.244.1.0/24', '10.244.0.0/24'], '10.244.2.0/24'],
    ['fills a gap', '10.244.0.0/16', 24, ['10.244.0.0/24', '10.244.2.0/24'], '10.244.1.0/24'],
    ['is none when all are taken', '10.244.0.0/24', 25, ['10.244.0.0/25', '10.244.0.128/25'], undefined],
    ['is none when one would be larger than the cluster', '10.244.0.0/24', 16, [], undefined],
    ['stays clear of larger prefixes', '10.244.0.0/16', 24, ['10.244.0.0/22'], '10.244.4.0/24'],
    ['stays clear of smaller prefixes', '10.244.0.0/16', 24, ['10.244.0.64/26'], '10.244.1.0/24'],
    ['is none when the whole cluster is taken', '10.244.0.0/16', 24, ['10.0.0.0/8'], undefined],
    ['pays no attention to other networks', '10.244.0.0/16', 24, ['10.245.0.0/24', 'fd00::/64'], '10.244.0.0/24'],
    ['is found in the other family too', 'fd00:10:244::/48', 64, ['fd00:10:244::/64'], 'fd00:10:244:1::/64'],
  ];
  for (const [name, cluster, size, taken, expected] of cases) {
    it(name, () => {
      const found: CIDR | undefined = freePrefix(mustParseCIDR(cluster), size, taken.map(mustParseCIDR));
      assert.equal(found && printCIDR(found), expected);
    });
  }
});

describe('the node IPAM controller', () => {
  it('gives each node a prefix of each family, and leaves those that have one', async () => {
    const w = await start(['10.244.0.0/16', 'fd00:10:244::/48'], node('a'), node('b', ['10.244.0.0/24']), node('c'));
    assert.deepEqual(await given(w), {
      a: '10.244.1.0/24 fd00:10:244::/64',
      b: '10.244.0.0/24',
      c: '10.244.2.0/24 fd00:10:244:1::/64',
    });
    assert.equal((await w.find(Node, { name: 'a' }))?.spec?.podCIDR, '10.244.1.0/24');
    await w.stop();
  });

  it('gives the prefix of a node that is gone to another, and says when there is none', async () => {
    const w = await start(['10.244.0.0/24'], node('a'), node('b'));
    assert.deepEqual(await given(w), { a: '10.244.0.0/24', b: undefined });
    assert.deepEqual(await w.events(node('b')), [
      'CIDRNotAvailable: no free /24 is left in the cluster CIDR 10.244.0.0/24',
    ]);
    w.client.remove(Node, { name: 'a' });
    await w.pass(1000);
    assert.deepEqual(await given(w), { b: '10.244.0.0/24' });
    await w.stop();
  });
});
