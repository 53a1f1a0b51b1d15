import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LibnftablesMissing } from './libnftables.ts';
import { silentLogger as log } from './log.ts';
import { FakeNft } from './nft-fake.ts';
import { NftMissing, openNft } from './open-nft.ts';
import { CommandError, type RunCommand } from './process.ts';

const openLibrary = () => Promise.reject(new LibnftablesMissing(new Error('no such file')));
const program =
  (version: string): RunCommand =>
  async () => ({ stdout: `nftables v${version} (Lester Gooch #5)\n`, stderr: '' });

test('the library comes first, and the program is not asked', async () => {
  const library = new FakeNft();
  const run: RunCommand = () => assert.fail('the program was started');
  assert.equal(await openNft({ log, run, openLibrary: async () => library }), library);
});

test('without the library, the program serves if it is new enough', async () => {
  for (const version of ['1.0.1', '1.0.6', '1.1.0', '2.0.0', 'next'])
    await openNft({ log, openLibrary, run: program(version) });
  for (const version of ['1.0.0', '0.9.8']) {
    await assert.rejects(openNft({ log, openLibrary, run: program(version) }), (error) => {
      assert(error instanceof NftMissing);
      assert.match(error.message, new RegExp(`nft ${version} is too old.*nftables 1\\.0\\.1 or newer`));
      return true;
    });
  }
});

test('without either, what to install is told', async () => {
  const run: RunCommand = () => Promise.reject(new CommandError(['nft'], 'cannot run: spawn nft ENOENT', {}));
  await assert.rejects(
    openNft({ log, openLibrary, run }),
    /nftables is missing; install the packages nftables and lib/,
  );
});
