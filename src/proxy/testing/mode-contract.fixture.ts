// The contract of modes, for the one that the argument names. Runs alone in fresh namespaces: see ../mode-contract.test.ts.
import { execFileSync } from 'node:child_process';
import { openLibnftables } from '../../host/libnftables.ts';
import { IPTABLES_VARIANTS, type IptablesVariant } from '../../netfilter/iptables/iptables.ts';
import { openIptables } from '../../netfilter/iptables/kernel.ts';
import { kernelNetfilter } from '../../netfilter/kernel.ts';
import { iptablesMode } from '../iptables/iptables-mode.ts';
import { type ModeSubject, modeContract } from '../mode-contract.ts';
import { nftablesMode } from '../nftables/nftables-mode.ts';

const output = (program: string, ...argv: string[]): string =>
  execFileSync(program, argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

const nftables: ModeSubject = {
  async open(localities) {
    return nftablesMode({ netfilter: kernelNetfilter(await openLibnftables()), localities });
  },
  damages: [
    ['nft', 'flush', 'ruleset'],
    ['nft', 'delete', 'table', 'ip6', 'postern-proxy'],
    ['nft', 'flush', 'table', 'ip', 'postern-proxy'],
    ['nft', 'flush', 'chain', 'ip', 'postern-proxy', 'prerouting'],
  ],
  strangers: ['ip', 'ip6'].flatMap((family) => [
    ['nft', `add table ${family} stranger`],
    ['nft', `add chain ${family} stranger own { type nat hook postrouting priority 90 ; }`],
    ['nft', `add rule ${family} stranger own oifname absent masquerade`],
  ]),
  // What affinity remembers of clients is no rule.
  dump: () => output('nft', 'list', 'ruleset').replaceAll(/expires [0-9a-z]+/g, ''),
};

function iptables(variant: IptablesVariant): ModeSubject {
  const ipv4 = `iptables-${variant}`;
  const ipv6 = `ip6tables-${variant}`;
  const rules = (program: string) =>
    output(`${program}-save`)
      .replaceAll(/^#.*\n/gm, '')
      .replaceAll(/\[\d+:\d+\]/g, '');
  return {
    async open(localities) {
      const [used, ...others] = await openIptables({ variant });
      return iptablesMode({ iptables: used, others, localities });
    },
    damages: [
      [ipv4, '-t', 'nat', '-F'],
      [ipv6, '-F'],
      [ipv4, '-F', 'POSTERN-REFUSE'],
      [ipv6, '-t', 'nat', '-D', 'PREROUTING', '1'],
      ...(variant === 'nft' ? [['nft', 'flush', 'ruleset']] : []),
    ],
    strangers: [
      [ipv4, '-t', 'nat', '-A', 'POSTROUTING', '-s', '192.0.2.0/24', '-j', 'MASQUERADE'],
      [ipv6, '-t', 'nat', '-A', 'POSTROUTING', '-s', '2001:db8::/64', '-j', 'MASQUERADE'],
      [ipv6, '-I', 'FORWARD', '-s', '2001:db8::/64', '-j', 'ACCEPT'],
    ],
    dump: () => rules(ipv4) + rules(ipv6),
  };
}

const name = process.argv[2] ?? 'nftables';
const variant = IPTABLES_VARIANTS.find((one) => name === `iptables ${one}`);
modeContract(name, variant === undefined ? nftables : iptables(variant));
