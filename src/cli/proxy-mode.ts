/** How the node proxy is to program the kernel, as commands ask for it. */
import { Option } from 'commander';
import type { Mode } from '../proxy/mode.ts';

/** `iptables` alone: the variant that the host uses. */
export type ModeName = Mode['name'] | 'iptables-nft' | 'iptables-legacy';

const MODE_NAMES: readonly ModeName[] = ['nftables', 'iptables', 'iptables-nft', 'iptables-legacy'];

/** `flag` is `--mode` or the like. */
export const modeOption = (flag: string): Option =>
  new Option(`${flag} <mode>`, 'how the node proxy programs the kernel; iptables: the variant that this host uses')
    .choices(MODE_NAMES)
    .default('nftables');
