import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Rule } from '../ruleset/model.ts';
import { parseRule } from './parse-rule.ts';

const CHAINS: ReadonlySet<string> = new Set(['INPUT', 'admitted']);

const cases: readonly (readonly [string, Rule['terms'], Rule['outcome']])[] = [
  ['-j ACCEPT', [], { kind: 'accept' }],
  ['-j REJECT --reject-with icmp-port-unreachable', [], { kind: 'drop' }],
  ['-j LOG --log-prefix "-j DROP "', [], { kind: 'none' }],
  ['-j NFQUEUE --queue-num 0', [], { kind: 'unknown' }],
  ['-g admitted', [], { kind: 'goto', chain: 'admitted' }],
  ['-j PST-FIREWALL', [{ kind: 'ours', family: 'IPv4', by: 'original' }], { kind: 'accept' }],
  [
    '! -s 10.0.0.0/8 -i eth+ -p tcp -m tcp --dport 80:90 -m comment --comment "the web" -j admitted',
    [
      { kind: 'saddr', prefixes: ['10.0.0.0/8'], not: true },
      { kind: 'through', interfaces: ['eth*'] },
      { kind: 'protocol', protocols: ['tcp'] },
      { kind: 'dport', ports: [[80, 90]] },
    ],
    { kind: 'jump', chain: 'admitted' },
  ],
  [
    '-p tcp -m multiport --dports 22,80:90 -m conntrack ! --ctstate RELATED,ESTABLISHED -j RETURN',
    [
      { kind: 'protocol', protocols: ['tcp'] },
      {
        kind: 'dport',
        ports: [
          [22, 22],
          [80, 90],
        ],
      },
      { kind: 'state', states: ['related', 'established'], not: true },
    ],
    { kind: 'return' },
  ],
  ['-m conntrack --ctstate DNAT -j ACCEPT', [{ kind: 'translated' }], { kind: 'accept' }],
  ['-m conntrack --ctstate RELATED,DNAT -j ACCEPT', [{ kind: 'unknown' }], { kind: 'accept' }],
  ['-m set --match-set friends src -j ACCEPT', [{ kind: 'unknown' }], { kind: 'accept' }],
  ['-m limit --limit 5/min --limit-burst 7 -j DROP', [{ kind: 'unknown' }, { kind: 'unknown' }], { kind: 'drop' }],
];

for (const [text, terms, outcome] of cases) {
  test(`${text} is read for what it is`, () => {
    assert.deepEqual(parseRule(text, 'IPv4', CHAINS), { terms, outcome, text });
  });
}
