import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NONE, nextTenure, type Sight, type Tenure, takeOver } from './tenure.ts';

const ANNOUNCING: Tenure = { kind: 'announcing' };
const PREPARING: Tenure = { kind: 'preparing', from: 'n1' };
const YIELDING: Tenure = { kind: 'yielding', to: 'n3' };

/** As node n2 sees it: n1 was elected before it, and n1 and n3 answer, unless said otherwise. */
const sight = (over: Partial<Sight> = {}): Sight => ({
  ...{ self: 'n2', elected: 'n2', former: 'n1', answers: (node) => node === 'n1' || node === 'n3' },
  ...{ silent: false, claimant: undefined, waited: false },
  ...over,
});
const nobodyAnswers = () => false;

for (const [what, before, seen, after] of [
  ['an address of nobody’s is announced', NONE, { former: undefined }, ANNOUNCING],
  ['one that this node had last is announced', NONE, { former: 'n2' }, ANNOUNCING],
  ['a lost node’s is announced', NONE, { answers: nobodyAnswers }, ANNOUNCING],
  ['a living node’s is prepared', NONE, {}, PREPARING],
  ['what is prepared waits', PREPARING, {}, PREPARING],
  ['what was waited for is announced', PREPARING, { waited: true }, ANNOUNCING],
  ['nobody waits for a node that is lost', PREPARING, { answers: nobodyAnswers }, ANNOUNCING],
  ['what is announced stays so', ANNOUNCING, { claimant: 'n1' }, ANNOUNCING],
  ['what was about to be yielded is kept', YIELDING, {}, ANNOUNCING],
] as const) {
  test(`elected: ${what}`, () => assert.deepEqual(nextTenure(before, sight(seen)), after));
}

for (const [what, before, seen, after] of [
  ['nothing is done about what is another’s', NONE, {}, NONE],
  ['what was prepared is dropped', PREPARING, {}, NONE],
  ['a successor is waited for', ANNOUNCING, {}, YIELDING],
  ['a successor that has claimed the address already is not', ANNOUNCING, { claimant: 'n3' }, NONE],
  ['any other’s claim changes nothing', ANNOUNCING, { claimant: 'n1' }, YIELDING],
  ['who has to be silent does not wait', ANNOUNCING, { silent: true }, NONE],
  ['where nobody is elected, nobody is waited for', ANNOUNCING, { elected: undefined }, NONE],
  ['the wait goes on', YIELDING, {}, YIELDING],
  ['the wait ends with the claim, or its time', YIELDING, { waited: true }, NONE],
  ['the wait ends with silence', YIELDING, { silent: true }, NONE],
  ['the wait ends when nobody is elected any more', YIELDING, { elected: undefined }, NONE],
  ['another successor is waited for anew', YIELDING, { elected: 'n1' }, { kind: 'yielding', to: 'n1' }],
] as const) {
  test(`not elected: ${what}`, () => {
    assert.deepEqual(nextTenure(before, sight({ elected: 'n3', ...seen })), after);
  });
}

test('while nothing changes, the tenure is the same object', () => {
  for (const tenure of [PREPARING, ANNOUNCING]) assert.equal(nextTenure(tenure, sight()), tenure);
  for (const tenure of [NONE, YIELDING]) assert.equal(nextTenure(tenure, sight({ elected: 'n3' })), tenure);
});

test('how an address is taken over goes by who had it last', () => {
  assert.deepEqual(takeOver(sight({ former: undefined })), { how: 'first' });
  assert.deepEqual(takeOver(sight({ former: 'n2' })), { how: 'again' });
  assert.deepEqual(takeOver(sight()), { how: 'planned', from: 'n1' });
  assert.deepEqual(takeOver(sight({ answers: nobodyAnswers })), { how: 'failover', from: 'n1' });
});
