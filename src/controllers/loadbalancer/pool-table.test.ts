import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mustParseIP } from '../../lib/ip.ts';
import { poolTable } from './pool-table.ts';
import { pool } from './testing.ts';

const names = (table: ReturnType<typeof poolTable>) => table.pools.map(({ name }) => name).join(' ');

describe('a table of pools', () => {
  it('asks those that are for some first, then by priority, then by name, whatever order they come in', () => {
    const pools = [
      pool('z', ['10.0.0.1/32']),
      pool('y', ['10.0.0.2/32']),
      pool('x', ['10.0.0.3/32'], { serviceAllocation: { priority: 0, namespaces: ['a'] } }),
      pool('w', ['10.0.0.4/32'], { serviceAllocation: { priority: 20 } }),
      pool('v', ['10.0.0.5/32'], { serviceAllocation: { priority: 3 } }),
    ];
    for (const each of [pools, pools.toReversed()]) assert.equal(names(poolTable(each)), 'v w x y z');
  });

  it('leaves addresses that two pools have to the older, and the rest to the younger', () => {
    const [first, second] = ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'];
    const old = pool('old', ['10.0.0.4/31'], { created: first });
    const young = pool('a-young-one', ['10.0.0.0/29', '10.0.1.0/32'], { created: second });
    const table = poolTable([young, old]);
    const owners = (text: string) => table.poolOf(mustParseIP(text))?.name;
    assert.deepEqual(['10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6', '10.0.1.0', '10.0.0.8'].map(owners), [
      'a-young-one',
      'old',
      'old',
      'a-young-one',
      'a-young-one',
      undefined,
    ]);
    assert.deepEqual(
      [...table.problems],
      [
        [
          'metallb-system/a-young-one',
          ['10.0.0.0/29 overlaps with 10.0.0.4/31 of pool "old", which is older and has what they share'],
        ],
      ],
    );
  });

  it('uses what can be read of a pool, and says what cannot', () => {
    const table = poolTable([pool('p', ['10.0.0.0/33', '10.0.0.1/32', '10.0.0.1-10.0.0.2'])]);
    assert.ok(table.poolOf(mustParseIP('10.0.0.1')) && table.poolOf(mustParseIP('10.0.0.2')));
    const [unread = '', twice, ...more] = table.problems.get('metallb-system/p') ?? [];
    assert.match(unread, /^the entry "10\.0\.0\.0\/33" of spec\.addresses must be a CIDR/);
    assert.equal(twice, '10.0.0.1-10.0.0.2 overlaps with 10.0.0.1/32 of the same pool');
    assert.deepEqual(more, []);
  });

  it('gives nothing out of a pool that does not say for whom it is, nor holds its addresses back', () => {
    const bad = { matchExpressions: [{ key: 'a', operator: 'Like', values: ['b'] }] };
    const table = poolTable([
      pool('bad', ['10.0.0.0/24'], { serviceAllocation: { serviceSelectors: [bad] } }),
      pool('good', ['10.0.0.0/30']),
    ]);
    assert.equal(table.poolOf(mustParseIP('10.0.0.1'))?.name, 'good');
    assert.match(table.problems.get('metallb-system/bad')?.[0] ?? '', /"Like" is not an operator.*gives out nothing/);
  });

  it('has no pool for an address that is to be avoided', () => {
    const table = poolTable([pool('p', ['10.0.0.0/24'], { avoidBuggyIPs: true })]);
    const has = (text: string) => table.poolOf(mustParseIP(text)) !== undefined;
    assert.deepEqual(['10.0.0.0', '10.0.0.1', '10.0.0.255'].map(has), [false, true, false]);
  });
});
