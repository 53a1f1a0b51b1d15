/** What agents do about the firewall of their node, as `agent`, `up` and `lab` are told. */
import { type Command, Option } from 'commander';
import type { FirewallBackend } from '../firewall/backend.ts';
import type { FirewallPolicy } from '../firewall/exposure/policy.ts';

/** `auto`: the one that this machine uses. */
export type FirewallName = 'auto' | FirewallBackend['name'];
const FIREWALL_NAMES: readonly FirewallName[] = ['auto', 'firewalld', 'nftables', 'iptables', 'none'];
const POLICIES: readonly FirewallPolicy[] = ['managed', 'enforce', 'none'];

export interface FirewallFlags {
  readonly firewall: FirewallName;
  readonly firewallPolicy: FirewallPolicy;
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

export function addFirewallOptions(command: Command): Command {
  return command.addOption(firewallOption('none')).addOption(firewallPolicyOption());
}

/** The same flags, for another process of ours. */
export function firewallArgv({ firewall, firewallPolicy }: FirewallFlags): readonly string[] {
  return ['--firewall', firewall, '--firewall-policy', firewallPolicy];
}
