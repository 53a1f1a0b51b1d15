/** Whose address pods and virtual machines have outside of the cluster, as `agent`, `up` and `lab` are told. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type CIDR, IP_FAMILIES, type IPFamily, printCIDR } from '../lib/ip.ts';
import { parsePrefixes } from './options.ts';

/** The options as commander reads them. */
export interface EgressFlags {
  /** Families in which it is their node's. */
  readonly masquerade: readonly IPFamily[];
  /** Where it is their own all the same. */
  readonly nonMasqueradeCidrs?: readonly CIDR[];
}

const CHOICES: Readonly<Record<string, readonly IPFamily[]>> = {
  all: IP_FAMILIES,
  true: IP_FAMILIES,
  ipv4: ['IPv4'],
  ipv6: ['IPv6'],
  none: [],
  false: [],
};

/** Adds the options of the way out of the cluster to a command. */
export function addEgressOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--masquerade <families>',
        'connections of pods and virtual machines to the outside get the address of their node: all, ipv4, ipv6 or none',
      )
        .default(IP_FAMILIES, 'all')
        .argParser((text) => {
          const families = CHOICES[text.toLowerCase()];
          if (families === undefined) throw new InvalidArgumentError('It is all, ipv4, ipv6 or none.');
          return families;
        }),
    )
    .addOption(
      new Option(
        '--non-masquerade-cidrs <cidrs>',
        'prefixes outside of the cluster to which they keep their own address, with commas between',
      ).argParser(parsePrefixes),
    );
}

/** Nothing but these flags. */
export function egressFlags({ masquerade, nonMasqueradeCidrs }: EgressFlags): EgressFlags {
  return { masquerade, ...(nonMasqueradeCidrs && { nonMasqueradeCidrs }) };
}

/** The same flags, for another process of ours. */
export function egressArgv({ masquerade, nonMasqueradeCidrs }: EgressFlags): readonly string[] {
  const [only] = masquerade;
  const families = masquerade.length > 1 ? 'all' : (only?.toLowerCase() ?? 'none');
  const kept = nonMasqueradeCidrs?.map(printCIDR).join(',');
  return ['--masquerade', families, ...(kept === undefined ? [] : ['--non-masquerade-cidrs', kept])];
}
