import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Opening } from '../backend.ts';
import { printSummary, TRIES_ANNOTATION } from './summary.ts';
import { tryingNode } from './testing.ts';
import { triedBy } from './tried.ts';

const at = Date.UTC(2026, 0, 2);
const WEB: Opening = {
  ...{ owner: 'n/web', kind: 'node-port', family: 'IPv4', address: '192.0.2.1', protocol: 'tcp', port: 30_080 },
  policy: 'managed',
};
const blocked = { owner: 'n/web', address: '192.0.2.1', port: 30_080, why: 'nothing answers' };

const world = (say: Parameters<typeof printSummary>[0]) => {
  const b = tryingNode('b', ['192.0.2.2']);
  const annotations = { [TRIES_ANNOTATION]: printSummary(say) };
  return triedBy([tryingNode('a', ['192.0.2.1']), { ...b, metadata: { ...b.metadata, annotations } }], 'a');
};

test('what another node reached, or could not, is told with its name; of the rest nothing', () => {
  const tried = world(new Map([['a', { ports: [30_080, 30_081], at, blocked: [blocked] }]]));
  assert.deepEqual(tried(WEB), { kind: 'blocked', by: 'b', at, why: 'nothing answers' });
  assert.deepEqual(tried({ ...WEB, port: 30_081 }), { kind: 'reached', by: 'b', at });
  for (const other of [
    { protocol: 'udp' },
    { port: 30_082 },
    { address: '192.0.2.200', kind: 'load-balancer' },
  ] as const) {
    assert.deepEqual(tried({ ...WEB, ...other }), { kind: 'not' });
  }
  assert.deepEqual(world(new Map())(WEB), { kind: 'not' });
  assert.deepEqual(triedBy([], 'a')(WEB), { kind: 'not' });
});
