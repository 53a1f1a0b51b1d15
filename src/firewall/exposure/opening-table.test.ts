/** Changes that are taken step by step, against everything at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testSeed } from '../../lib/random.fixture.ts';
import { type Random, randomBelow, seededRandom } from '../../lib/random.ts';
import { admissionKey, type Opening } from '../backend.ts';
import { lines } from '../testing.ts';
import { OpeningTable } from './opening-table.ts';

const opening = (more: Partial<Opening> = {}): Opening => ({
  ...{ owner: 'n/a', kind: 'external-ip', family: 'IPv4', address: '192.0.2.1', protocol: 'tcp', port: 80 },
  ...{ policy: 'managed' },
  ...more,
});

test('only what differs is a change, and one that changes is removed as it was', () => {
  const table = new OpeningTable();
  const [a, b] = [opening(), opening({ port: 81 })];
  table.set('n/a', [a, b]);
  assert.deepEqual(table.takeChanges(), { added: [a, b], removed: [] });
  const limited = opening({ sources: ['203.0.113.0/24'] });
  table.set('n/a', [limited, { ...b }]);
  assert.deepEqual(table.takeChanges(), { added: [limited], removed: [a] });
  table.set('n/a', []);
  assert.deepEqual(table.takeChanges(), { added: [], removed: [limited, b] });
  assert.deepEqual([table.all(), [...table.owners()]], [[], []]);
});

test('what comes and goes between two looks is no change', () => {
  const table = new OpeningTable();
  table.set('n/a', [opening()]);
  table.set('n/a', []);
  assert.deepEqual(table.takeChanges(), { added: [], removed: [] });
});

test('who shares an address and port is let in as long as one of them is there, from wherever one allows', () => {
  const table = new OpeningTable();
  table.set('n/a', [opening({ sources: ['192.0.2.0/25'] })]);
  table.set('n/b', [opening({ owner: 'n/b', sources: ['192.0.2.128/25', '192.0.2.0/26'], policy: 'enforce' })]);
  assert.deepEqual(lines(table.takeChanges().added), [
    'tcp 192.0.2.1 80 external-ip of n/a from 192.0.2.0/25 192.0.2.128/25',
  ]);
  table.set('n/b', [opening({ owner: 'n/b' })]);
  assert.deepEqual(lines(table.takeChanges().added), ['tcp 192.0.2.1 80 external-ip of n/a']);
  table.set('n/a', []);
  assert.deepEqual(table.takeChanges(), { added: [], removed: [] });
  table.set('n/b', []);
  assert.equal(table.takeChanges().removed.length, 1);
});

test('whatever comes and goes, the changes add up to what everybody wants', () => {
  const seed = testSeed();
  const random = seededRandom(seed);
  const table = new OpeningTable();
  const wanted = new Map<string, readonly Opening[]>();
  const told = new Map<string, Opening>();
  for (let step = 0; step < 500; step++) {
    const owner = `n/${randomBelow(random, 6)}`;
    const openings = someOpenings(owner, random);
    wanted.set(owner, openings);
    table.set(owner, openings);
    if (randomBelow(random, 3) > 0) continue;
    const { added, removed } = table.takeChanges();
    for (const one of removed) {
      assert.deepEqual(told.get(admissionKey(one)), one, `seed ${seed}, step ${step}`);
      told.delete(admissionKey(one));
    }
    for (const one of added) {
      assert.equal(told.get(admissionKey(one)), undefined, `seed ${seed}, step ${step}`);
      told.set(admissionKey(one), one);
    }
    assert.deepEqual(lines([...told.values()]), lines(table.all()));
    const fresh = new OpeningTable();
    for (const [each, theirs] of wanted) fresh.set(each, theirs);
    assert.deepEqual(
      admissions([...told.values()]),
      admissions(fresh.takeChanges().added),
      `seed ${seed}, step ${step}`,
    );
  }
});

const admissions = (all: readonly Opening[]) => lines(all).map((line) => line.replace(/external-ip of \S+/, ''));

function someOpenings(owner: string, random: Random): readonly Opening[] {
  const all = new Map<string, Opening>();
  for (let count = randomBelow(random, 4); count > 0; count--) {
    const sources = [undefined, ['192.0.2.0/25'], ['192.0.2.128/25']][randomBelow(random, 3)];
    const one = opening({
      ...{ owner, port: randomBelow(random, 4), policy: randomBelow(random, 4) === 0 ? 'enforce' : 'managed' },
      ...(sources === undefined ? {} : { sources }),
    });
    all.set(admissionKey(one), one);
  }
  return [...all.values()];
}
