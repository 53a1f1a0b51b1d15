import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryNetfilter } from './memory.ts';
import { type Chain, goto, type Match, type Placed, type Statement, type Table } from './model.ts';
import { trace } from './trace.ts';

const daddr = { kind: 'daddr' } as const;
const rule = (statement: Statement, ...matches: Match[]) => ({ matches, statement });
const nat = (hook: 'prerouting' | 'output' | 'postrouting', rules: Chain['rules']): Chain => ({
  name: hook,
  hook: { type: 'nat', hook, priority: 0 },
  rules,
});

const TABLE: Table = {
  family: 'ip',
  name: 'demo',
  sets: [
    {
      name: 'two',
      key: { kind: 'typeof', expressions: [{ kind: 'random', modulus: 65536 }] },
      value: { kind: 'types', types: ['address', 'inet_service'] },
    },
    { name: 'ways', key: { kind: 'types', types: ['address'] }, value: 'verdict' },
    {
      name: 'home',
      key: { kind: 'types', types: ['address'] },
      interval: true,
      elements: [{ key: ['10.1.0.0/16'] }],
    },
  ],
  chains: [
    { name: 'draw', rules: [rule({ kind: 'dnat', key: [{ kind: 'random', modulus: 2 }], map: 'two' })] },
    { name: 'refuse', rules: [rule({ kind: 'reject', with: 'tcp-reset' }, { kind: 'protocol', protocol: 'tcp' })] },
    nat('prerouting', [
      rule({ kind: 'vmap', key: [daddr], map: 'ways' }),
      rule({ kind: 'verdict', verdict: { kind: 'drop' } }),
    ]),
    nat('output', [rule({ kind: 'verdict', verdict: { kind: 'jump', chain: 'draw' } })]),
    nat('postrouting', [
      rule({ kind: 'verdict', verdict: { kind: 'return' } }, { kind: 'in-set', key: [{ kind: 'saddr' }], set: 'home' }),
      rule({ kind: 'masquerade' }, { kind: 'translated' }),
    ]),
  ],
};
const ELEMENTS: readonly Placed[] = [
  { set: 'two', element: { key: [0], value: ['10.1.0.1', 8080] } },
  { set: 'two', element: { key: [1], value: ['10.1.0.2', 8081] } },
  { set: 'ways', element: { key: ['10.96.0.1'], value: goto('draw') } },
  { set: 'ways', element: { key: ['10.96.0.2'], value: goto('refuse') } },
];

const netfilter = new MemoryNetfilter();
await netfilter.apply([{ kind: 'replace-table', table: TABLE, elements: ELEMENTS }]);

const outcomes = (saddr: string, to: string, hook: 'prerouting' | 'output' = 'prerouting') =>
  trace(
    netfilter.tables(),
    { saddr, daddr: to, protocol: 'tcp', dport: 80 },
    { hook, isLocal: (ip) => ip === '10.0.0.1' },
  );
const to = (ip: string, number: number, masqueraded: boolean) => ({
  act: 'accept',
  to: { ip, port: number },
  masqueraded,
});

test('a drawn number leads to every outcome that it could', () => {
  assert.deepEqual(outcomes('10.9.0.9', '10.96.0.1'), [to('10.1.0.1', 8080, true), to('10.1.0.2', 8081, true)]);
});

test('a set of prefixes holds the addresses within them', () => {
  assert.deepEqual(outcomes('10.1.2.3', '10.96.0.1'), [to('10.1.0.1', 8080, false), to('10.1.0.2', 8081, false)]);
});

test('what a map lacks goes on with the next rule', () => {
  assert.deepEqual(outcomes('10.9.0.9', '10.96.0.9'), [
    { act: 'drop', to: { ip: '10.96.0.9', port: 80 }, masqueraded: false },
  ]);
});

test('a rejected packet goes no further', () => {
  assert.equal(outcomes('10.9.0.9', '10.96.0.2')[0]?.act, 'reject');
});

test("the machine's own packets pass output, not prerouting", () => {
  assert.deepEqual(outcomes('10.0.0.1', '10.96.0.9', 'output'), [
    to('10.1.0.1', 8080, true),
    to('10.1.0.2', 8081, true),
  ]);
});
