/** The best way to nftables that this machine has. */
import { LibnftablesMissing, openLibnftables } from './libnftables.ts';
import type { Logger } from './log.ts';
import { NFT_NEEDS, type NftRunner } from './nft.ts';
import { nftProcess } from './nft-process.ts';
import { type RunCommand, runCommand } from './process.ts';

export interface OpenNftOptions {
  readonly log: Logger;
  /** Default: starts the program. */
  readonly run?: RunCommand;
  /** Default: loads the library. Throws {@link LibnftablesMissing}. */
  readonly openLibrary?: () => Promise<NftRunner>;
}

/** Neither the library nor the program is here, or the program is too old. The message says what to do. */
export class NftMissing extends Error {
  constructor(why: string, cause: unknown) {
    super(`${why}; install the packages nftables and libnftables1 (${NFT_NEEDS})`, { cause });
    this.name = 'NftMissing';
  }
}

/** The library in process where it is installed, else the program. Throws {@link NftMissing} where neither is there. */
export async function openNft(options: OpenNftOptions): Promise<NftRunner> {
  const { log, run = runCommand, openLibrary = openLibnftables } = options;
  try {
    return await openLibrary();
  } catch (error) {
    if (!(error instanceof LibnftablesMissing)) throw error;
    await requireNft(run, error);
    log.warn({ err: error }, 'libnftables is missing: nft is started for every change, which is slower');
    return nftProcess(run);
  }
}

async function requireNft(run: RunCommand, missing: LibnftablesMissing): Promise<void> {
  const version = await run(['nft', '--version']).then(
    ({ stdout }) => stdout,
    (error: unknown) => {
      const causes = new AggregateError([missing, error], 'neither libnftables.so.1 nor nft works');
      throw new NftMissing('nftables is missing', causes);
    },
  );
  const [, found = '', ...numbers] = /v((\d+)\.(\d+)\.(\d+))/.exec(version) ?? [];
  // One whose version cannot be read is left to say for itself what it does not know.
  if (found !== '' && isOlder(numbers.map(Number), OLDEST)) throw new NftMissing(`nft ${found} is too old`, missing);
}

/** As {@link NFT_NEEDS} says. */
const OLDEST = [1, 0, 1];

function isOlder(version: readonly number[], than: readonly number[]): boolean {
  const place = version.findIndex((number, i) => number !== than[i]);
  return place >= 0 && (version[place] ?? 0) < (than[place] ?? 0);
}
