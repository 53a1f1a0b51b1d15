/** The modes that the features are shown in, and what others do to their rules. */

import type { NftRunner } from '../../../host/nft.ts';
import { runCommand } from '../../../host/process.ts';
import { skipWithoutNft } from '../../../host/testing/in-namespace.ts';
import type { IptablesVariant } from '../../../netfilter/iptables/iptables.ts';
import { openIptables } from '../../../netfilter/iptables/kernel.ts';
import { skipWithoutIptables } from '../../../netfilter/iptables/testing.ts';
import { kernelNetfilter } from '../../../netfilter/kernel.ts';
import { iptablesMode } from '../../iptables/iptables-mode.ts';
import type { Localities } from '../../locality.ts';
import type { Mode } from '../../mode.ts';
import { nftablesMode } from '../../nftables/nftables-mode.ts';

export type ModeName = 'nftables' | `iptables ${IptablesVariant}`;

export interface TestedMode {
  /** Why it cannot be tested here, or false. */
  skip(): string | false;
  /** `tidy` then leaves nothing that is not used, if it is told to. */
  open(localities: Localities, runner: NftRunner, options?: { readonly tidiest?: boolean }): Promise<Mode>;
  /** Takes all rules away, as people do who forget who else is there. */
  readonly flush: readonly (readonly string[])[];
  /** Someone else's rules, which translate addresses too. */
  readonly foreign: readonly (readonly string[])[];
  /** All rules of everyone, as text that is the same for the same rules. */
  rules(): Promise<string>;
  /** The kernel's own numbers of all rules, where it tells them: others once equal rules take their place. */
  handles(): Promise<string>;
}

const NAT = ['{', 'type', 'nat', 'hook', 'postrouting', 'priority', 'srcnat', ';', '}'];

const nftables: TestedMode = {
  skip: skipWithoutNft,
  async open(localities, runner, { tidiest = false } = {}) {
    return nftablesMode({ netfilter: kernelNetfilter(runner), localities, ...(tidiest ? { keepIdle: 0 } : {}) });
  },
  flush: [['nft', 'flush', 'ruleset']],
  foreign: [
    ['nft', 'add', 'table', 'inet', 'foreign'],
    ['nft', 'add', 'chain', 'inet', 'foreign', 'theirs', ...NAT],
    ['nft', 'add', 'rule', 'inet', 'foreign', 'theirs', 'oifname', 'foreign0', 'masquerade'],
  ],
  rules: nftRules,
  handles: nftHandles,
};

function iptables(variant: IptablesVariant): TestedMode {
  const programs = [`iptables-${variant}`, `ip6tables-${variant}`];
  const everywhere = (...argv: string[]) =>
    programs.flatMap((program) => ['filter', 'nat', 'mangle'].map((table) => [program, '-t', table, ...argv]));
  return {
    skip: () => skipWithoutIptables(variant),
    async open(localities) {
      const [used, ...others] = await openIptables({ variant });
      return iptablesMode({ iptables: used, others, localities });
    },
    flush: [...everywhere('-F'), ...everywhere('-X')],
    foreign: programs.map((program) => [
      program,
      '-t',
      'nat',
      '-A',
      'POSTROUTING',
      '-o',
      'foreign0',
      '-j',
      'MASQUERADE',
    ]),
    handles: variant === 'nft' ? nftHandles : async () => '',
    async rules() {
      const saved = await Promise.all(programs.map((program) => printed(`${program}-save`)));
      // Chains that are always there, and counters, say nothing of rules.
      return saved
        .join('')
        .split('\n')
        .filter((line) => /^-A|^:[^ ]+ - /.test(line))
        .join('\n');
    },
  };
}

export const MODES: Readonly<Record<ModeName, TestedMode>> = {
  nftables,
  'iptables nft': iptables('nft'),
  'iptables legacy': iptables('legacy'),
};

interface Item {
  readonly handle?: number;
  readonly elem?: readonly unknown[];
}

/** Tables, chains, sets and rules of nftables, each by its kind. */
async function nftItems(): Promise<readonly (readonly [string, Item])[]> {
  const { nftables } = JSON.parse(await printed('nft', '--json', 'list', 'ruleset'));
  return (nftables as Record<string, Item>[]).flatMap((item) => Object.entries(item));
}

/** Everything that nftables holds, element by element, in an order of its own: the kernel has none for elements. */
async function nftRules(): Promise<string> {
  const lines = (await nftItems()).flatMap(([kind, { handle: _, elem = [], ...rest }]) => [
    `${kind} ${JSON.stringify(rest)}`,
    ...elem.map((element) => `${kind} ${JSON.stringify(rest)} ${JSON.stringify(element)}`),
  ]);
  return lines.sort().join('\n');
}

async function nftHandles(): Promise<string> {
  return (await nftItems()).map(([kind, { handle }]) => `${kind} ${handle}`).join('\n');
}

/** What a program prints. */
async function printed(...argv: string[]): Promise<string> {
  return (await runCommand(argv)).stdout;
}
