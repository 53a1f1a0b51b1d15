import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PeerFacts, PeerState } from '../lan/messages.ts';
import { unheardNodes } from './unheard.ts';

const facts = (fields: Partial<PeerFacts> = {}): readonly PeerFacts[] => {
  return [{ name: 'n2', addresses: [], port: 7952, lease: 'fresh', hears: [], onLan: true, ...fields }];
};
const unheard = (state: PeerState, seconds: number, fields: Partial<PeerFacts> = {}): readonly string[] =>
  unheardNodes([{ name: 'n2', state, since: 1000, roundTrip: undefined }], facts(fields), 1000 + seconds * 1000);

describe('a node whose heartbeats do not arrive', () => {
  for (const [what, seen, expected] of [
    ['is told of when its lease has said so for a while', unheard('leased', 10), ['n2']],
    ['is not told of before', unheard('leased', 9), []],
    ['is told of when the LAN has come apart, and its part is the smaller one', unheard('lost', 20), ['n2']],
    ['is not told of while it may have crashed', unheard('lost', 19), []],
    ['is not told of when it has crashed', unheard('lost', 60, { lease: 'stale' }), []],
    ['is not told of when it sends none', unheard('leased', 60, { port: undefined }), []],
    ['is heard by another', unheard('told', 60), []],
  ] as const) {
    test(what, () => assert.deepEqual(seen, expected));
  }
});
