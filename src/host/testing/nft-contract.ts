/** What every NftRunner does, whatever is behind it. Scripts are real, so a fake only has to fail when told to. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NftError, type NftRunner } from '../nft.ts';

export interface NftSubject {
  readonly open: () => NftRunner | Promise<NftRunner>;
  /** Sees to it that the next script, which is wrong, fails: for a fake, which does not read it. */
  readonly expectFailure?: (runner: NftRunner) => void;
  /** Sees to it that `list tables ip` names these: for a fake. */
  readonly expectTables?: (runner: NftRunner, tables: readonly string[]) => void;
}

export function nftContract(name: string, { open, expectFailure, expectTables }: NftSubject): void {
  describe(`NftRunner: ${name}`, () => {
    test('runs a script, and lists what came of it', async () => {
      const runner = await open();
      await runner.run('add table ip pst-contract\n');
      expectTables?.(runner, ['pst-contract']);
      assert.match(await runner.list('list tables ip'), /^table ip pst-contract$/m);
      await runner.run('delete table ip pst-contract\n');
      await runner.close();
    });

    test('a refused script throws, with the script and what was said, and nothing of it takes effect', async () => {
      const runner = await open();
      const script = 'add table ip pst-half\nadd rule ip pst-half pst-none accept\n';
      expectFailure?.(runner);
      await assert.rejects(runner.run(script), (error) => {
        assert(error instanceof NftError);
        assert.equal(error.script, script);
        assert.match(error.stderr, /No such file or directory/);
        return true;
      });
      expectTables?.(runner, []);
      assert.doesNotMatch(await runner.list('list tables ip'), /pst-half/);
      await runner.close();
    });

    test('goes on after a script that was refused', async () => {
      const runner = await open();
      expectFailure?.(runner);
      const [refused, taken] = await Promise.allSettled([
        runner.run('delete table ip pst-absent\n'),
        runner.run('add table ip pst-after\ndelete table ip pst-after\n'),
      ]);
      assert.equal(refused.status, 'rejected');
      assert.equal(taken.status, 'fulfilled');
      await runner.close();
    });

    test('takes nothing more once it is closed', async () => {
      const runner = await open();
      await runner.close();
      await runner.close();
      await assert.rejects(runner.run('add table ip pst-late\n'), NftError);
    });
  });
}
