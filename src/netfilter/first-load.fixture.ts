// A first load leaves in the kernel what a script does, or nothing. Runs alone in a network namespace: see kernel.test.ts.
import assert from 'node:assert/strict';
import { openLibnftables } from '../host/libnftables.ts';
import { runCommand } from '../host/process.ts';
import { isFirstLoad } from './first-load.ts';
import { kernelNetfilter } from './kernel.ts';
import {
  type Element,
  type Expression,
  goto,
  type NamedSet,
  type Operation,
  type Placed,
  type Table,
} from './model.ts';
import { TransactionError } from './netfilter.ts';

const random: Expression = { kind: 'random', modulus: 65536 };
const dport: Expression = { kind: 'dport', protocol: 'udp' };
const daddr: Expression = { kind: 'daddr' };
const typeOf = (...expressions: Expression[]) => ({ kind: 'typeof', expressions }) as const;
const MANY = 3000;

/** Every kind of key and value that can be encoded, and an interval set, which goes by script. */
const SETS: readonly NamedSet[] = [
  { name: 'port', key: { kind: 'types', types: ['inet_service'] } },
  { name: 'protocol', key: { kind: 'types', types: ['inet_proto'] } },
  { name: 'address', key: { kind: 'types', types: ['address'] } },
  { name: 'pair', key: { kind: 'types', types: ['address', 'address'] } },
  { name: 'way', key: { kind: 'types', types: ['address', 'inet_proto', 'inet_service'] }, value: 'verdict' },
  { name: 'there', key: typeOf(daddr, dport, random), value: typeOf(daddr, dport) },
  { name: 'range', key: { kind: 'types', types: ['inet_service', 'address'] }, interval: true },
];
const ADDRESSES = {
  ip: (n: number) => `10.1.${n >> 8}.${n & 255}`,
  ip6: (n: number) => `fd00::${n.toString(16)}`,
} as const;

function elements(family: 'ip' | 'ip6'): readonly Placed[] {
  const ip = ADDRESSES[family];
  const numbers = Array.from({ length: MANY }, (_, number) => number);
  const place = (set: string, ...all: Element[]) => all.map((element) => ({ set, element }));
  return [
    ...numbers.flatMap((n) => place('way', { key: [ip(n), 'tcp', n], value: goto('a-chain-with-a-long-name') })),
    ...place('way', { key: [ip(1), 'udp', 1], value: { kind: 'drop' } }),
    ...place('way', { key: [ip(1), 'sctp', 1], value: { kind: 'jump', chain: 'a-chain-with-a-long-name' } }),
    ...place('way', { key: [ip(1), 'sctp', 2], value: { kind: 'accept' } }),
    ...place('way', { key: [ip(1), 'sctp', 3], value: { kind: 'return' } }),
    ...numbers.flatMap((n) => place('there', { key: [ip(n % 7), n, n % 300], value: [ip(n), 65535 - n] })),
    ...place('port', { key: [1] }, { key: [65535] }),
    ...place('protocol', { key: ['tcp'] }, { key: ['sctp'] }),
    ...place('address', { key: [ip(1)] }),
    ...place('pair', { key: [ip(1), ip(2)] }),
    ...place('range', { key: [80, `${ip(0)}/24`] }),
  ];
}

const table = (family: 'ip' | 'ip6'): Table => ({
  family,
  name: 'pst-first-load',
  sets: SETS,
  chains: [
    {
      name: 'a-chain-with-a-long-name',
      rules: [{ matches: [], statement: { kind: 'verdict', verdict: { kind: 'drop' } } }],
    },
  ],
});
const load = (family: 'ip' | 'ip6', more: readonly Placed[] = []): Operation => ({
  ...{ kind: 'replace-table', table: table(family), elements: [...elements(family), ...more] },
});

/** What the kernel holds, in an order of its own. */
async function ruleset(): Promise<readonly string[]> {
  const { stdout } = await runCommand(['nft', 'list', 'ruleset']);
  return stdout
    .split('\n')
    .map((line) => line.replace(/elements = |[\s{},]/g, ''))
    .sort();
}

const runner = await openLibnftables();
const netfilter = kernelNetfilter(runner);
const both = [load('ip'), load('ip6')];

assert.equal(await isFirstLoad(both), true);
await netfilter.apply(both);
const encoded = await ruleset();
assert.equal(await isFirstLoad(both), false, 'the tables are there now');
await netfilter.apply(both);
assert.deepEqual(encoded, await ruleset());

await netfilter.apply(both.map((_, i) => ({ kind: 'delete-table', table: table(i === 0 ? 'ip' : 'ip6') })));
const contradiction: Placed = { set: 'way', element: { key: ['fd00::1', 'tcp', 1], value: { kind: 'accept' } } };
await assert.rejects(netfilter.apply([load('ip'), load('ip6', [contradiction])]), TransactionError);
assert.deepEqual(await ruleset(), [''], 'nothing is left of a load that was refused');
await runner.close();
