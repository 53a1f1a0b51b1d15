// What runs in both variants leave is removed. Runs alone in fresh namespaces: see ../remove.test.ts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { IPTABLES_VARIANTS, type IptablesVariant } from '../../../netfilter/iptables/iptables.ts';
import { openIptables } from '../../../netfilter/iptables/kernel.ts';
import { ForwardingTable } from '../../forwarding/forwarding-table.ts';
import { objectsOf } from '../../testing/cases.ts';
import { LOCALITIES } from '../../testing/node.ts';
import { iptablesMode } from '../iptables-mode.ts';
import { removeIptablesRules } from '../remove.ts';
import { fill } from './cases.ts';

const legacyTables = () => readFileSync('/proc/net/ip_tables_names', 'utf8');
const saved = (variant: IptablesVariant) =>
  ['iptables', 'ip6tables']
    .map((name) => execFileSync(`${name}-${variant}-save`, { stdio: 'pipe' }).toString())
    .join('');

execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
await removeIptablesRules();
assert.equal(legacyTables(), '');

const table = new ForwardingTable(LOCALITIES.keys());
fill(table, objectsOf('dual-stack-node-port'));
for (const variant of IPTABLES_VARIANTS) {
  const [iptables] = await openIptables({ variant });
  await iptablesMode({ iptables, localities: LOCALITIES }).load(table);
  assert.match(saved(variant), /-j POSTERN-PREROUTING/);
}

// A run that uses one variant removes what is in the other.
const [nft, ...others] = await openIptables({ variant: 'nft' });
await iptablesMode({ iptables: nft, others, localities: LOCALITIES }).load(table);
assert.match(saved('nft'), /POSTERN/);
assert.doesNotMatch(saved('legacy'), /POSTERN/);

const [legacy] = await openIptables({ variant: 'legacy' });
await iptablesMode({ iptables: legacy, localities: LOCALITIES }).load(table);
await removeIptablesRules();
for (const variant of IPTABLES_VARIANTS) assert.doesNotMatch(saved(variant), /POSTERN/);
