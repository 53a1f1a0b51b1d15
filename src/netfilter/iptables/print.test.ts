import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { IPFamily } from '../../lib/ip.ts';
import { inverse, type Rule, type TablePatch } from './model.ts';
import { printPatch, printRule } from './print.ts';

const DROP = { kind: 'drop' } as const;

const RULES: readonly [family: IPFamily, rule: Rule, text: string][] = [
  ['IPv4', { matches: [{ kind: 'destination', address: '10.96.0.1' }], target: DROP }, '-d 10.96.0.1/32 -j DROP'],
  ['IPv6', { matches: [{ kind: 'source', address: 'fd00::1' }], target: DROP }, '-s fd00::1/128 -j DROP'],
  [
    'IPv4',
    { matches: [{ kind: 'destination', address: '0.0.0.10/0.0.0.15' }], target: { kind: 'goto', chain: 'A' } },
    '-d 0.0.0.10/0.0.0.15 -g A',
  ],
  ['IPv6', { matches: [{ kind: 'source', address: '::/0' }], target: { kind: 'return' } }, '-j RETURN'],
  ['IPv6', { matches: [], target: { kind: 'dnat', ip: 'fd00::1', port: 80 } }, '-j DNAT --to-destination [fd00::1]:80'],
  ['IPv4', { matches: [], target: { kind: 'dnat', ip: '10.0.0.1', port: 80 } }, '-j DNAT --to-destination 10.0.0.1:80'],
  [
    'IPv6',
    { matches: [], target: { kind: 'reject', with: 'port-unreachable' } },
    '-j REJECT --reject-with icmp6-port-unreachable',
  ],
  [
    'IPv4',
    {
      matches: [
        { kind: 'protocol', protocol: 'sctp', ports: { first: 80, last: 80 } },
        { kind: 'in-interface', name: 'lo', not: true },
        { kind: 'source', address: '10.0.0.0/8' },
      ],
      target: DROP,
    },
    '-s 10.0.0.0/8 ! -i lo -p sctp -m sctp --dport 80 -j DROP',
  ],
  [
    'IPv4',
    { matches: [{ kind: 'one-in', count: 3 }], target: DROP },
    '-m statistic --mode random --probability 0.33333333349 -j DROP',
  ],
  [
    'IPv4',
    {
      matches: [
        { kind: 'comment', text: 'a/b' },
        { kind: 'comment', text: 'plain' },
      ],
      target: DROP,
    },
    '-m comment --comment "a/b" -m comment --comment plain -j DROP',
  ],
];

describe('a rule is printed as iptables-save prints it', () => {
  for (const [family, rule, text] of RULES) {
    test(`${family}: ${text}`, () => assert.equal(printRule(rule, family), text));
  }

  test('and nothing in a comment ends it, or the line', () => {
    const comment = { kind: 'comment', text: 'x" -j ACCEPT\n-A INPUT' } as const;
    const printed = printRule({ matches: [comment], target: DROP }, 'IPv4');
    assert.equal(printed, '-m comment --comment "x_ -j ACCEPT_-A INPUT" -j DROP');
    const long = printRule({ matches: [{ kind: 'comment', text: 'x'.repeat(300) }], target: DROP }, 'IPv4');
    assert.equal(long.length, '-m comment --comment  -j DROP'.length + 255);
  });
});

describe('a patch', () => {
  const patch: TablePatch = {
    family: 'IPv4',
    table: 'nat',
    chains: [
      { chain: 'P-NEW', before: undefined, after: ['-j P-OLD', '-j RETURN'] },
      { chain: 'P-GONE', before: ['-j RETURN'], after: undefined },
    ],
    hooked: [{ into: 'OUTPUT', rule: '-j P-NEW' }],
    unhooked: [{ into: 'INPUT', rule: '-j P-GONE' }],
  };
  const printed = (one: TablePatch) => [...printPatch(one)].join('');

  test('makes and empties all its chains before it fills any, and removes them last', () => {
    assert.equal(
      printed(patch),
      [
        '*nat',
        ':P-NEW - [0:0]',
        ':P-GONE - [0:0]',
        '-D INPUT -j P-GONE',
        '-A P-NEW -j P-OLD',
        '-A P-NEW -j RETURN',
        '-I OUTPUT 1 -j P-NEW',
        '-X P-GONE',
        'COMMIT',
        '',
      ].join('\n'),
    );
  });

  test('is undone by its inverse, and that by the patch', () => {
    assert.match(printed(inverse(patch)), /-D OUTPUT -j P-NEW\n-A P-GONE -j RETURN\n-I INPUT 1 -j P-GONE\n-X P-NEW\n/);
    assert.deepEqual(inverse(inverse(patch)), patch);
  });

  test('that does nothing is no input at all', () => {
    assert.equal(printed({ ...patch, chains: [], hooked: [], unhooked: [] }), '');
  });
});
