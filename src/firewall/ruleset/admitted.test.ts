import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IP_FAMILIES } from '../../lib/ip.ts';
import { parseTable } from '../nftables/parse-table.ts';
import { Admittance } from './admitted.ts';

const WEB = { family: 'IPv4', address: '192.168.50.1', protocol: 'tcp', port: 30_080 } as const;

function admittance(policy: string, ...rules: readonly string[]): Admittance {
  const lines = rules.map((rule) => `\t\t${rule}\n`).join('');
  const chain = `\tchain input {\n\t\ttype filter hook input priority filter; policy ${policy};\n${lines}\t}\n`;
  return new Admittance([parseTable('table inet f', IP_FAMILIES, `table inet f {\n${chain}}\n`)]);
}

const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['drop', [], []],
  ['accept', [], ['0.0.0.0/0']],
  ['drop', ['ip saddr { 10.0.0.0/8, 192.0.2.0/24 } tcp dport 30080 accept'], ['10.0.0.0/8', '192.0.2.0/24']],
  ['drop', ['ip saddr 10.0.0.0/8 tcp dport 22 accept'], []],
  ['drop', ['ip saddr 10.0.0.0/30 drop', 'ip saddr 10.0.0.0/29 accept'], ['10.0.0.4/30']],
  ['accept', ['ip saddr 128.0.0.0/2 drop'], ['0.0.0.0/1', '192.0.0.0/2']],
  ['drop', ['ip saddr != 128.0.0.0/1 accept'], ['0.0.0.0/1']],
  [
    'drop',
    ['ip saddr { 10.0.0.1-10.0.0.6, 192.0.2.7 } accept'],
    ['10.0.0.1/32', '10.0.0.2/31', '10.0.0.4/31', '10.0.0.6/32', '192.0.2.7/32'],
  ],
  // Of whom it cannot be told, nobody is let in.
  ['drop', ['iifname "eth0" accept', 'ip saddr @friends accept', 'meta mark 0x1 accept'], []],
  ['accept', ['iifname "eth0" drop'], []],
];

for (const [policy, rules, sources] of cases) {
  test(`behind policy ${policy}, ${JSON.stringify(rules)} admits ${sources.join(', ') || 'nobody'}`, () => {
    assert.deepEqual([...admittance(policy, ...rules).sources(WEB)].sort(), sources);
  });
}

test('only those are admitted who are asked for', () => {
  const rules = admittance('drop', 'ip saddr 10.0.0.0/8 accept');
  assert.deepEqual(rules.sources(WEB, ['10.1.0.0/16', '192.0.2.0/24']), ['10.1.0.0/16']);
  assert.deepEqual(rules.sources(WEB, ['0.0.0.0/0']), ['10.0.0.0/8']);
});
