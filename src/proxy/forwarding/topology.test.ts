import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint } from '../../api/discovery/v1/endpointslice.ts';
import { slice } from '../testing/builders.ts';
import { usableEndpoints } from './endpoints.ts';
import type { ThisNode } from './topology.ts';

const HERE: ThisNode = { name: 'node1', zone: 'a' };
const PORT = { name: '', protocol: 'TCP' } as const;
const ENDING = { ready: false, serving: true, terminating: true };

/** Endpoint `10.0.0.<host>`; hints by name: `zone:a`, `node:node1`. */
function at(host: number, hints: readonly string[], more: Partial<Endpoint> = {}): Endpoint {
  const named = (kind: string) =>
    hints.filter((hint) => hint.startsWith(kind)).map((hint) => ({ name: hint.slice(kind.length) }));
  const [forZones, forNodes] = [named('zone:'), named('node:')];
  const lists = { ...(forZones.length > 0 && { forZones }), ...(forNodes.length > 0 && { forNodes }) };
  return { addresses: [`10.0.0.${host}`], nodeName: 'node2', hints: lists, ...more };
}

function hosts(endpoints: readonly Endpoint[], node: ThisNode): Readonly<Record<'all' | 'local', readonly number[]>> {
  const { all, local } = usableEndpoints([slice('web', endpoints)], PORT, { family: 'IPv4', node });
  const last = (list: typeof all) => list.map(({ ip }) => Number(ip.split('.').at(-1)));
  return { all: last(all), local: last(local) };
}

const CASES: readonly [to: string, endpoints: readonly Endpoint[], node: ThisNode, hosts: readonly number[]][] = [
  ['the endpoints of the zone', [at(1, ['zone:a']), at(2, ['zone:b']), at(3, ['zone:b', 'zone:a'])], HERE, [1, 3]],
  ['all, when one endpoint has none', [at(1, ['zone:a']), at(2, [])], HERE, [1, 2]],
  ['all, when none is meant for this zone', [at(1, ['zone:b']), at(2, ['zone:c'])], HERE, [1, 2]],
  ['all, on a node without a zone', [at(1, ['zone:a']), at(2, ['zone:b'])], { name: 'node1' }, [1, 2]],
  ['the endpoints of the node', [at(1, ['node:node1']), at(2, ['node:node2'])], HERE, [1]],
  [
    'the endpoints of the node before those of the zone',
    [at(1, ['zone:a', 'node:node3']), at(2, ['zone:a', 'node:node1'])],
    HERE,
    [2],
  ],
  [
    'the endpoints of the zone, when none is meant for the node',
    [at(1, ['zone:a', 'node:node3']), at(2, ['zone:b', 'node:node4'])],
    HERE,
    [1],
  ],
  [
    'the endpoints of the zone, when one has none for nodes',
    [at(1, ['zone:a', 'node:node1']), at(2, ['zone:a']), at(3, ['zone:b', 'node:node3'])],
    HERE,
    [1, 2],
  ],
  [
    'all that end, when none is ready',
    [at(1, ['zone:b'], { conditions: ENDING }), at(2, [], { conditions: ENDING })],
    HERE,
    [1, 2],
  ],
  [
    'the ready ones of the zone, whatever those that end say',
    [at(1, ['zone:a']), at(2, ['zone:b']), at(3, [], { conditions: ENDING })],
    HERE,
    [1],
  ],
];
for (const [to, endpoints, node, expected] of CASES) {
  test(`hints lead to ${to}`, () => assert.deepEqual(hosts(endpoints, node).all, expected));
}

test('hints have no say in which endpoints are on this node', () => {
  const own = at(1, ['zone:b', 'node:node2'], { nodeName: 'node1' });
  assert.deepEqual(hosts([own, at(2, ['zone:a', 'node:node1'])], HERE), { all: [2], local: [1] });
});
