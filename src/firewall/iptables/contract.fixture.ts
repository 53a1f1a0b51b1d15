// The contract against the kernel. Runs alone in a network namespace: see iptables-firewall.test.ts.
import { execFileSync } from 'node:child_process';
import { firewallContract } from '../contract.ts';
import { administrate, openFirewall, VARIANT } from './testing.ts';

const save = (tool: string) =>
  execFileSync(`${tool}-${VARIANT}-save`, ['-t', 'filter'], { encoding: 'utf8' }).replace(/^#.*\n|\[\d+:\d+\]/gm, '');

firewallContract(`iptables, variant ${VARIANT}`, {
  setUp: async () => {
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run']); // The lock that all of iptables share.
    administrate();
  },
  open: openFirewall,
  dump: async () => `${save('iptables')}${save('ip6tables')}`,
  damages: {
    'all rules are loaded anew': async () => administrate(),
    'the chain is emptied': async () => void execFileSync(`iptables-${VARIANT}`, ['-F', 'PST-FIREWALL']),
    'nothing leads to the chain': async () => void execFileSync(`ip6tables-${VARIANT}`, ['-D', 'INPUT', '1']),
  },
});
