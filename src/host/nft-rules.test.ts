import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeRequest, RuleCounter } from './nft-rules.ts';

/** An attribute: length, type, value, padding. */
function attribute(type: number, text: string): Buffer {
  const value = Buffer.from(`${text}\0`);
  const bytes = Buffer.alloc((4 + value.length + 3) & ~3);
  bytes.writeUInt16LE(4 + value.length, 0);
  bytes.writeUInt16LE(type, 2);
  value.copy(bytes, 4);
  return bytes;
}

function message(type: number, attributes: readonly Buffer[], flags = 2): Buffer {
  const header = Buffer.alloc(20);
  const bytes = Buffer.concat([header, ...attributes]);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(flags, 6);
  return bytes;
}

const NEWRULE = 0xa06;
const rule = (table: string, chain: string) => message(NEWRULE, [attribute(1, table), attribute(2, chain)]);
const done = message(3, []);

test('counts the rules of its own table per chain, until the end of the dump', () => {
  const counter = new RuleCounter('ours');
  counter.read(Buffer.concat([rule('ours', 'a'), rule('theirs', 'a'), rule('ours', 'b')]));
  assert.equal(counter.done, false);
  counter.read(Buffer.concat([rule('ours', 'a'), done]));
  assert.equal(counter.done, true);
  assert.deepEqual(counter.counts, new Map(Object.entries({ a: 2, b: 1 })));
});

test('tells of a dump that a change has cut', () => {
  const counter = new RuleCounter('ours');
  counter.read(message(NEWRULE, [attribute(1, 'ours'), attribute(2, 'a')], 0x12));
  assert.equal(counter.interrupted, true);
});

test('ends on any bytes', () => {
  for (let seed = 1; seed < 500; seed++) {
    const bytes = Buffer.concat([rule('ours', 'a'), rule('ours', 'b'), done]);
    for (let i = 0; i < 8; i++) bytes[(seed * 7919 * (i + 1)) % bytes.length] = (seed * 31 * (i + 1)) & 0xff;
    new RuleCounter('ours').read(bytes.subarray(0, bytes.length - (seed % 9)));
  }
});

test('asks for one table', () => {
  const request = Buffer.from(encodeRequest('ip6', 'ours'));
  assert.equal(request.readUInt32LE(0), request.length);
  assert.equal(request.readUInt16LE(4), 0xa07);
  assert.equal(request[16], 10);
  assert.equal(request.subarray(24, 29).toString(), 'ours\0');
});
