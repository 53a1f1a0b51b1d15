/** The best way to nftables that this machine has. */
import { LibnftablesMissing, openLibnftables } from './libnftables.ts';
import type { Logger } from './log.ts';
import { NFT_NEEDS, type NftRunner } from './nft.ts';
import { nftProcess } from './nft-process.ts';
import { type RunCommand, runCommand } from './process.ts';

/** The library in process where it is installed, else the program. Throws, with the remedy, where neither is there. */
export async function openNft(options: { readonly log: Logger; readonly run?: RunCommand }): Promise<NftRunner> {
  const run = options.run ?? runCommand;
  try {
    return await openLibnftables();
  } catch (error) {
    if (!(error instanceof LibnftablesMissing)) throw error;
    await requireNft(run, error);
    options.log.warn({ err: error }, 'libnftables is missing: nft is started for every change, which is slower');
    return nftProcess(run);
  }
}

async function requireNft(run: RunCommand, missing: LibnftablesMissing): Promise<void> {
  try {
    await run(['nft', '--version']);
  } catch (error) {
    const causes = new AggregateError([missing, error], 'neither libnftables.so.1 nor nft works');
    throw new Error(`nftables is missing; install the packages nftables and libnftables1 (${NFT_NEEDS})`, {
      cause: causes,
    });
  }
}
