/** What agents do about the firewall of their node, as `agent`, `up` and `lab` are told. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { FirewallBackend } from '../firewall/backend.ts';
import type { FirewallPolicy } from '../firewall/exposure/policy.ts';

import { type CIDR, printCIDR } from '../lib/ip.ts';
import { parsePrefixes } from './options.ts';

/** `auto`: the one that this machine uses. */
export type FirewallName = 'auto' | FirewallBackend['name'];
const FIREWALL_NAMES: readonly FirewallName[] = ['auto', 'firewalld', 'nftables', 'iptables', 'none'];
const POLICIES: readonly FirewallPolicy[] = ['managed', 'enforce', 'none'];

export interface FirewallFlags {
  readonly firewall: FirewallName;
  readonly firewallPolicy: FirewallPolicy;
  readonly firewallVerify: boolean;
  readonly firewallHealthFrom?: readonly CIDR[];
  readonly firewallZones?: readonly string[];
}

/** `preset` is what counts without the option. */
export const firewallOption = (preset: FirewallName): Option =>
  new Option('--firewall <which>', 'the firewall of this machine; auto: the one that is in use')
    .choices(FIREWALL_NAMES)
    .default(preset);

export const firewallPolicyOption = (): Option =>
  new Option(
    '--firewall-policy <policy>',
    'of Services without the annotation postern.dev/firewall; managed: open what they expose',
  )
    .choices(POLICIES)
    .default('managed');

const firewallVerifyOption = (): Option =>
  new Option('--firewall-verify <bool>', 'try whether what other nodes expose is really reached')
    .choices(['true', 'false'])
    .default(true)
    .argParser((text) => {
      if (text === 'true' || text === 'false') return text === 'true';
      throw new InvalidArgumentError('It is true or false.');
    });

export const firewallHealthFromOption = (): Option =>
  new Option(
    '--firewall-health-from <cidrs>',
    'who asks nodes for the health of their proxy (TCP 10256) besides nodes, such as a cloud’s load balancers',
  ).argParser(parsePrefixes);

/** A name of a zone, as firewalld takes it: no longer than a chain of its rules can be named after. */
const ZONE = /^[A-Za-z0-9_-]{1,17}$/;

export const firewallZonesOption = (): Option =>
  new Option(
    '--firewall-zones <names>',
    'zones of firewalld that are opened besides that of the LAN interface, such as internal,dmz',
  ).argParser((text) => {
    const names = text.split(',').map((name) => name.trim());
    const wrong = names.find((name) => !ZONE.test(name));
    if (wrong === undefined) return names;
    throw new InvalidArgumentError(
      `${JSON.stringify(wrong)} is no name of a zone: up to 17 letters, digits, - and _; several with commas between.`,
    );
  });

export function addFirewallOptions(command: Command): Command {
  return command
    .addOption(firewallOption('none'))
    .addOption(firewallPolicyOption())
    .addOption(firewallVerifyOption())
    .addOption(firewallHealthFromOption())
    .addOption(firewallZonesOption());
}

/** Nothing but these flags. */
export function firewallFlags(flags: FirewallFlags): FirewallFlags {
  const { firewall, firewallPolicy, firewallVerify, firewallHealthFrom, firewallZones } = flags;
  return {
    ...{ firewall, firewallPolicy, firewallVerify },
    ...(firewallHealthFrom && { firewallHealthFrom }),
    ...(firewallZones && { firewallZones }),
  };
}

/** The same flags, for another process of ours. */
export function firewallArgv(flags: FirewallFlags): readonly string[] {
  const { firewall, firewallPolicy, firewallVerify, firewallHealthFrom, firewallZones } = flags;
  return [
    ...['--firewall', firewall, '--firewall-policy', firewallPolicy, '--firewall-verify', String(firewallVerify)],
    ...(firewallHealthFrom === undefined
      ? []
      : ['--firewall-health-from', firewallHealthFrom.map(printCIDR).join(',')]),
    ...(firewallZones === undefined ? [] : ['--firewall-zones', firewallZones.join(',')]),
  ];
}
