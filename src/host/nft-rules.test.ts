import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attribute, message, readMessages } from './netlink-message.ts';
import { encodeRequest, readRule } from './nft-rules.ts';
import { inNamespace, skipWithoutNft } from './testing/in-namespace.ts';

const NEWRULE = 0xa06;
const text = (value: string) => Buffer.from(`${value}\0`);

function rule(table: string, chain: string): Uint8Array {
  return message(NEWRULE, 2, [Uint8Array.of(2, 0, 0, 0), attribute(1, text(table)), attribute(2, text(chain))]);
}

const chains = (bytes: Uint8Array, table: string) =>
  [...readMessages(bytes)].map(({ payload }) => readRule(payload, table)?.chain);

test('tells the chains of rules, of their own table alone', () => {
  const dump = Buffer.concat([rule('ours', 'a'), rule('theirs', 'a'), rule('ours', 'long-name')]);
  assert.deepEqual(chains(dump, 'ours'), ['a', undefined, 'long-name']);
});

test('ends on any bytes', () => {
  for (let seed = 1; seed < 500; seed++) {
    const bytes = Buffer.concat([rule('ours', 'a'), rule('ours', 'b')]);
    for (let i = 0; i < 8; i++) bytes[(seed * 7919 * (i + 1)) % bytes.length] = (seed * 31 * (i + 1)) & 0xff;
    chains(bytes.subarray(0, bytes.length - (seed % 9)), 'ours');
  }
});

test('asks for one table', () => {
  const request = Buffer.from(encodeRequest('ip6', 'ours'));
  assert.equal(request.readUInt32LE(0), request.length);
  assert.equal(request.readUInt16LE(4), 0xa07);
  assert.equal(request[16], 10);
  assert.equal(request.subarray(24, 29).toString(), 'ours\0');
});

test('counts the rules of one moment, in the kernel', { skip: skipWithoutNft() }, () => {
  inNamespace(new URL('nft-rules.fixture.ts', import.meta.url));
});
