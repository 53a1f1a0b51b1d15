import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Happening, next, type Reaction, type Standing } from './conflicts.ts';

const stranger: Happening = { kind: 'claim', mac: 'm1', by: 'stranger' };
const node: Happening = { kind: 'claim', mac: 'm2', by: 'node' };
const [asking, asked, calm] = (['asking', 'asked', 'calm'] as const).map((kind): Happening => ({ kind }));
const PROBING: Standing = { kind: 'probing' };
const OURS: Standing = { kind: 'announced', defended: false };

const stories: readonly (readonly [string, Standing, readonly (Happening | undefined)[], readonly Reaction[]])[] = [
  ['an address that nobody answers for is taken', PROBING, [asking, asked], ['none', 'take']],
  ['one that a stranger has is not', PROBING, [asking, stranger], ['none', 'give-up']],
  ['nor is it asked for on and on at once', PROBING, [stranger, asked], ['give-up', 'ask-later']],
  ['a stranger is told once', OURS, [stranger], ['defend']],
  ['the second time within ten seconds it gets its way', OURS, [stranger, stranger], ['defend', 'give-up']],
  ['later than that it is told again', OURS, [stranger, calm, stranger], ['defend', 'none', 'defend']],
  [
    'what a stranger holds is asked for until it is gone',
    OURS,
    [stranger, stranger, asking, stranger, asked, asking, asked],
    ['defend', 'give-up', 'none', 'none', 'ask-later', 'none', 'take'],
  ],
  [
    'one that had to be given up is defended again when it is back',
    PROBING,
    [stranger, asking, asked, stranger],
    ['give-up', 'none', 'take', 'defend'],
  ],
  ['the claims of nodes are for the election', OURS, [node, node, node], ['none', 'none', 'none']],
  ['also while it is asked', PROBING, [node, asked], ['none', 'take']],
  ['calm after it was given up changes nothing', OURS, [stranger, stranger, calm], ['defend', 'give-up', 'none']],
];

for (const [what, start, happenings, expected] of stories) {
  test(what, () => {
    let standing = start;
    const reactions = happenings.map((happening) => {
      assert.ok(happening);
      const outcome = next(standing, happening);
      standing = outcome.standing;
      return outcome.reaction;
    });
    assert.deepEqual(reactions, expected);
  });
}
