import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compareParts, type Member, type Unheard } from './parts.ts';

const member = (text: string): Member => ({ name: text.replace('!', ''), onLan: !text.endsWith('!') });
const members = (text: string): readonly Member[] => text.split(' ').map(member);
/** `a>b,c d!` are a, which hears b and c, and d, which hears nobody and is not on the LAN. */
const unheard = (text: string): readonly Unheard[] =>
  text.split(' ').map((one) => {
    const [name = '', hears] = one.split('>');
    return { ...member(name), hears: hears?.split(',') ?? [] };
  });

describe('of nodes that do not hear each other', () => {
  for (const [what, own, others, alive, ownPart] of [
    ['all live, while nobody hears anybody', 'b', 'a c', 'a c', 'alive'],
    ['those live that reach the LAN', 'b', 'a! c', 'c', 'alive'],
    ['one that does not reach the LAN itself holds back', 'a!', 'b c', 'b c', 'reserve'],
    ['all live when none seems to reach the LAN', 'a!', 'b!', 'b', 'alive'],
    ['the larger part goes on', 'a', 'b>c c>b', 'b c', 'reserve'],
    ['the larger part goes on, seen from there', 'b c', 'a', '', 'alive'],
    ['of equal parts that with the smallest name goes on', 'b c', 'a>d d>a', 'a d', 'reserve'],
    ['of equal parts that with the smallest name goes on, seen from there', 'a d', 'b>c c>b', '', 'alive'],
    ['nodes that do not reach the LAN do not count', 'a b! c!', 'd>e e', 'd e', 'reserve'],
    ['one side’s word is enough for two to be of one part', 'a b', 'c>d d e>d', 'c d e', 'reserve'],
    ['the largest of several parts goes on', 'a b', 'c>d d>c e>f f>g g>e', 'e f g', 'reserve'],
    ['one alone is passed over when others hear each other', 'z y', 'a', '', 'alive'],
  ] as const) {
    test(what, () => {
      const verdict = compareParts(members(own), unheard(others));
      assert.deepEqual({ ...verdict, alive: [...verdict.alive].sort().join(' ') }, { alive, ownPart });
    });
  }

  test('the order of leases makes no difference', () => {
    const leases = unheard('c>d d>c e>f f>g g>e h');
    for (let i = 0; i < leases.length; i++) {
      const turned = [...leases.slice(i), ...leases.slice(0, i)];
      assert.deepEqual([...compareParts(members('a b'), turned).alive].sort(), ['e', 'f', 'g']);
    }
  });
});

test('a node that hears all has nothing to compare', () => {
  assert.deepEqual(compareParts(members('a'), []), { alive: new Set(), ownPart: 'alive' });
});
