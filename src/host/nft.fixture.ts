// The runner's contract against the kernel. Runs alone in a network namespace: see nft.test.ts.
import { openLibnftables } from './libnftables.ts';
import { nftProcess } from './nft-process.ts';
import { runCommand } from './process.ts';
import { nftContract } from './testing/nft-contract.ts';

nftContract('libnftables', { open: openLibnftables });
nftContract('nft', { open: () => nftProcess(runCommand) });
