import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { IP_FAMILIES, mustParseIP, printIP } from '../../lib/ip.ts';
import { printRule } from '../../netfilter/iptables/print.ts';
import { randomFrom } from '../testing/random-changes.ts';
import { addressSteps, portSteps, type Step } from './tree.ts';

const SEED = Number(process.env['SEED'] ?? 1);
const printed = (steps: readonly Step[], family: 'IPv4' | 'IPv6' = 'IPv4') =>
  steps.map(({ from, rule }) => `${from} ${printRule(rule, family)}`);

test('an address is found by its last three digits, the last first', () => {
  assert.deepEqual(printed(addressSteps('T', 'destination', '10.96.18.52')), [
    'T -d 0.0.0.4/0.0.0.15 -g T-4',
    'T-4 -d 0.0.0.48/0.0.0.240 -g T-34',
    'T-34 -d 0.0.2.0/0.0.15.0 -g T-234',
  ]);
  assert.deepEqual(printed(addressSteps('T', 'source', 'fd00::1234', 1), 'IPv6'), ['T -s ::4/::f -g T-4']);
});

test('a port is found by its protocol and its first three digits', () => {
  assert.deepEqual(printed(portSteps('T', 'udp', 30005)), [
    'T -p udp -g T-UDP',
    'T-UDP -p udp -m udp --dport 28672:32767 -g T-UDP-7',
    'T-UDP-7 -p udp -m udp --dport 29952:30207 -g T-UDP-75',
    'T-UDP-75 -p udp -m udp --dport 30000:30015 -g T-UDP-753',
  ]);
  assert.equal(portSteps('T', 'tcp', 65535).at(-1)?.to, 'T-TCP-fff');
  assert.equal(portSteps('T', 'tcp', 1).at(-1)?.to, 'T-TCP-000');
});

/** Where a tree of these steps leads an address: one branch at each level, or none. */
function led(tree: readonly Step[], root: string, ip: string): readonly string[] {
  const { value } = mustParseIP(ip);
  const way: string[] = [];
  for (let chain = root; ; ) {
    const taken = new Set(tree.filter(({ from, rule }) => from === chain && covers(rule, value)).map(({ to }) => to));
    assert(taken.size < 2, `${ip} is led to ${[...taken].join(' and ')}`);
    const [next] = taken;
    if (next === undefined) return way;
    way.push(next);
    chain = next;
  }
}

function covers({ matches: [match] }: Step['rule'], value: bigint): boolean {
  assert(match?.kind === 'destination');
  const [base = '', mask = ''] = match.address.split('/');
  return (value & mustParseIP(mask).value) === mustParseIP(base).value;
}

describe(`any address (SEED=${SEED})`, () => {
  for (const family of IP_FAMILIES) {
    test(`is led to its own leaf and to no other, over ${family}`, () => {
      const random = randomFrom(SEED);
      const ips = Array.from({ length: 200 }, () => printIP({ family, value: BigInt(Math.floor(random() * 2 ** 32)) }));
      const tree = ips.flatMap((ip) => addressSteps('T', 'destination', ip));
      for (const ip of ips) {
        assert.deepEqual(
          led(tree, 'T', ip),
          addressSteps('T', 'destination', ip).map(({ to }) => to),
        );
      }
    });
  }
});

test('the rules on the way hardly grow with the number of Services', () => {
  const worst = (count: number) => {
    const chains = new Map<string, Set<string>>();
    for (let i = 0; i < count; i++) {
      const ip = printIP({ family: 'IPv4', value: mustParseIP('10.96.0.1').value + BigInt(i) });
      const steps = addressSteps('T', 'destination', ip);
      for (const { from, key } of steps) chains.set(from, (chains.get(from) ?? new Set()).add(key));
      const leaf = steps.at(-1)?.to ?? '';
      chains.set(leaf, (chains.get(leaf) ?? new Set()).add(ip));
    }
    const sizeOf = (chain: string) => chains.get(chain)?.size ?? 0;
    const leaves = [...chains.keys()].filter((chain) => /^T-...$/.test(chain));
    return Math.max(
      ...leaves.map(
        (leaf) => sizeOf('T') + sizeOf(`T-${leaf.slice(-1)}`) + sizeOf(`T-${leaf.slice(-2)}`) + sizeOf(leaf),
      ),
    );
  };
  assert(worst(100) < 32, `${worst(100)}`);
  assert(worst(10_000) < 64, `${worst(10_000)}`);
});
