// The contract against the kernel. Runs alone in a network namespace: see kernel.test.ts.
import { after } from 'node:test';
import { openLibnftables } from '../host/libnftables.ts';
import { nftProcess } from '../host/nft-process.ts';
import { runCommand } from '../host/process.ts';
import { kernelNetfilter } from './kernel.ts';
import { netfilterContract } from './testing.ts';

const runner = await openLibnftables();
netfilterContract('kernel through libnftables', () => kernelNetfilter(runner));
netfilterContract('kernel through libnftables', () => kernelNetfilter(runner), 'with its sets');
const program = nftProcess(runCommand);
netfilterContract('kernel through nft', () => kernelNetfilter(program));
after(() => Promise.all([runner.close(), program.close()]));
