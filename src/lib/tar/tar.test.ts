import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BLOCK, checksum, decodeHeader, decodeLongNames, hasLongNames, TarError } from './header.ts';
import { encodeTar } from './write.ts';

const block = () => encodeTar([{ kind: 'file', name: 'a', data: 'hello' }]).subarray(0, BLOCK);

/** With a field changed, and the checksum of that. */
function changed(at: number, bytes: readonly number[]): Buffer {
  const header = Buffer.from(block());
  header.set(bytes, at);
  header.write(`${checksum(header).toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

test('headers say what was written', () => {
  assert.deepEqual(decodeHeader(block()), { type: '0', name: 'a', linkName: '', size: 5 });
  const link = encodeTar([{ kind: 'symlink', name: 'to', target: '../a' }]);
  assert.deepEqual(decodeHeader(link.subarray(0, BLOCK)), { type: '2', name: 'to', linkName: '../a', size: 0 });
  assert.throws(() => encodeTar([{ kind: 'directory', name: 'd'.repeat(101) }]), RangeError);
});

test('sizes are octal digits or, with the highest bit set, bytes', () => {
  const size = (bytes: readonly number[]) => decodeHeader(changed(124, bytes)).size;
  assert.equal(size([0x80, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1]), 3 * 2 ** 32 + 1);
  assert.equal(size([...Buffer.from('00000000017 ')]), 15);
  for (const bytes of [Array(12).fill(0xff), [...Buffer.from('0000000009x\0')]]) {
    assert.throws(() => size(bytes), TarError);
  }
});

test('a header that was changed is none', () => {
  const header = Buffer.from(block());
  header[0] = 0x62;
  assert.throws(() => decodeHeader(header), TarError);
});

test('long names are GNU’s and those of pax, and not without end', () => {
  assert.deepEqual(decodeLongNames('L', Buffer.from('long\0')), { name: 'long' });
  assert.deepEqual(decodeLongNames('K', Buffer.from('long\0')), { linkName: 'long' });
  assert.deepEqual(decodeLongNames('x', Buffer.from('13 path=long\n17 linkpath=far=a\n')), {
    name: 'long',
    linkName: 'far=a',
  });
  assert.deepEqual(decodeLongNames('g', Buffer.from('13 path=long\n')), {});
  assert.throws(() => decodeLongNames('x', Buffer.from('20 size=9000000000\n')), TarError);
  const header = { type: 'L', name: '', linkName: '', size: 100 };
  assert.ok(hasLongNames(header));
  assert.ok(!hasLongNames({ ...header, type: '0' }));
  assert.throws(() => hasLongNames({ ...header, size: 1e6 }), TarError);
});
