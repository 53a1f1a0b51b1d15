import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeNft } from '../host/nft-fake.ts';
import { kernelNetfilter } from './kernel.ts';
import type { Placed, Table, Transaction } from './model.ts';
import { TransactionError } from './netfilter.ts';
import { inParts } from './parts.ts';

const TABLE: Table = {
  family: 'ip',
  name: 'demo',
  sets: [{ name: 'seen', key: { kind: 'types', types: ['inet_service'] } }],
  chains: [],
};
const elements: readonly Placed[] = Array.from({ length: 1200 }, (_, port) => ({
  set: 'seen',
  element: { key: [port + 1] },
}));
const load: Transaction = [{ kind: 'replace-table', table: TABLE, elements }];

test('a large load becomes the table and its elements, each once and in parts', () => {
  const parts = inParts(load);
  assert.equal(parts.length, 3);
  const added = parts.flat().filter(({ kind }) => kind === 'add-element');
  assert.equal(added.length, elements.length);
  assert.equal(parts[0]?.[0]?.kind, 'replace-table');
});

test('what the kernel finds too long is sent in parts, and only that', async () => {
  const runner = new FakeNft();
  await kernelNetfilter(runner).apply(load);
  assert.equal(runner.scripts.length, 1);
  runner.failNext('netlink: Error: Could not process rule: Message too long');
  await kernelNetfilter(runner).apply(load);
  assert.equal(runner.scripts.length, 4);
  runner.failNext('Error: Could not process rule: File exists');
  await assert.rejects(kernelNetfilter(runner).apply(load), TransactionError);
  assert.equal(runner.scripts.length, 4);
});

test('an error keeps the transaction, and a log of the error does not', async () => {
  const runner = new FakeNft();
  runner.failNext('Error: Could not process rule: File exists');
  await assert.rejects(kernelNetfilter(runner).apply(load), (error) => {
    assert(error instanceof TransactionError);
    assert.equal(error.transaction, load);
    assert.deepEqual(Object.keys(error), ['name']);
    return true;
  });
});
