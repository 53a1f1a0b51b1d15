import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NftError } from './nft.ts';
import { FakeNft } from './nft-fake.ts';
import { nftProcess } from './nft-process.ts';
import { CommandError } from './process.ts';
import { inNamespace, skipWithoutNft } from './testing/in-namespace.ts';
import { nftContract } from './testing/nft-contract.ts';

nftContract('fake', {
  open: () => new FakeNft(),
  expectFailure: (runner) => (runner as FakeNft).failNext('Error: No such file or directory'),
  expectTables: (runner, tables) =>
    (runner as FakeNft).listings.set('list tables ip', tables.map((name) => `table ip ${name}\n`).join('')),
});

test('the kernel keeps the contract, in process and through nft', { skip: skipWithoutNft() }, () => {
  inNamespace(new URL('nft.fixture.ts', import.meta.url));
});

test('an error says what is needed, where the kernel only says no', () => {
  assert.match(new NftError('x', 'Operation not permitted (you must be root)').message, /CAP_NET_ADMIN/);
  assert.match(new NftError('x', 'Error: syntax error, unexpected typeof').message, /nftables 1\.0\.1 or newer/);
});

test('an nft that cannot be started is told apart by its cause', async () => {
  const cause = new CommandError(['nft'], 'cannot run: spawn nft ENOENT', {});
  const runner = nftProcess(() => Promise.reject(cause));
  await assert.rejects(runner.run('add table ip x'), (error) => error instanceof NftError && error.cause === cause);
});
