import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CompactedError } from '../store.ts';
import { Assembly, type Told } from './follow.ts';
import { FIRST_REVISION, Layout } from './layout.ts';
import type { KeyValue, WatchEvent, WatchResponse } from './messages.ts';

const kv = (key: string, modRevision: number, version = 1): KeyValue => ({
  key: Buffer.from(key),
  value: Buffer.from(''),
  createRevision: modRevision,
  modRevision,
  version,
});
const put = (key: string, revision: number): WatchEvent => ({ type: 'PUT', kv: kv(key, revision), prevKv: null });

function message(fields: Partial<WatchResponse>): WatchResponse {
  const none = { header: null, created: false, canceled: false, compactRevision: 0, cancelReason: '' };
  return { ...none, fragment: false, events: [], ...fields };
}

const texts = (told: Told | undefined) =>
  told && [told.changes.map(({ revision, events }) => `${revision}:${events.length}`).join(' '), told.revision];

describe('messages of a watch', () => {
  test('that were cut into fragments are told in whole revisions', () => {
    const assembly = new Assembly(new Layout({ prefix: '', root: '' }, FIRST_REVISION), 0);
    assert.equal(assembly.add(message({ created: true, header: { revision: 90 } })), undefined);
    const first = message({ fragment: true, events: [put('a', 2), put('b', 3), put('c', 3)] });
    assert.deepEqual(texts(assembly.add(first)), ['1:1', 1]);
    assert.equal(assembly.add(message({ fragment: true, events: [put('d', 3)] })), undefined);
    const last = message({ events: [put('e', 3), put('f', 4)], header: { revision: 90 } });
    assert.deepEqual(texts(assembly.add(last)), ['2:4 3:1', 3]);
  });

  test('tell progress, and nothing twice', () => {
    const assembly = new Assembly(new Layout({ prefix: '', root: '' }, FIRST_REVISION), 5);
    assert.equal(assembly.add(message({ events: [put('a', 5), put('b', 6)] })), undefined);
    assert.deepEqual(texts(assembly.add(message({ header: { revision: 9 } }))), ['', 8]);
    assert.equal(assembly.add(message({ header: { revision: 9 } })), undefined);
    assert.deepEqual(texts(assembly.add(message({ events: [put('c', 10)] }))), ['9:1', 9]);
  });

  test('without what was there before are of a history that is being forgotten', () => {
    const lacking: readonly WatchEvent[] = [
      { type: 'DELETE', kv: kv('a', 7), prevKv: null },
      { type: 'PUT', kv: kv('a', 7, 2), prevKv: null },
    ];
    for (const event of lacking) {
      const assembly = new Assembly(new Layout({ prefix: '', root: '' }, FIRST_REVISION), 2);
      assert.throws(() => assembly.add(message({ events: [event] })), CompactedError);
    }
  });
});
