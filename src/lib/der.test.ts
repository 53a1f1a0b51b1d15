import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DERError, readAll, readDER, readOID, TAG } from './der.ts';
import { writeDER, writeOID } from './der-write.ts';

describe('DER', () => {
  it('reads what it writes, however long', () => {
    for (const length of [0, 1, 127, 128, 255, 256, 70_000]) {
      const bytes = writeDER(TAG.octetString, new Uint8Array(length).fill(7));
      const value = readDER(bytes);
      assert.equal(value.tag, TAG.octetString);
      assert.equal(value.content.length, length);
    }
  });

  it('reads object identifiers, also those with large numbers', () => {
    for (const oid of ['2.5.4.3', '1.2.840.113549.1.9.14', '1.3.6.1.4.1.311.20.2']) {
      assert.equal(readOID(readDER(writeOID(oid))), oid);
    }
  });

  it('refuses what is cut off, goes on after the end, or has lengths that DER does not have', () => {
    const good = writeDER(TAG.sequence, writeOID('2.5.4.3'));
    const bad = [
      ...good.keys().map((at) => good.subarray(0, at)),
      Uint8Array.from([...good, 0]),
      Uint8Array.of(0x30, 0x80, 0, 0),
      Uint8Array.of(0x30, 0x81, 1, 0),
      Uint8Array.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff),
      Uint8Array.of(0x30, 0x85, 1, 1, 1, 1, 1),
      Uint8Array.of(0x1f, 0x20, 0),
    ];
    for (const bytes of bad) assert.throws(() => readDER(bytes), DERError);
    assert.throws(() => readAll(readDER(good), TAG.set), DERError);
  });
});
