// One variant of iptables in a real kernel. Runs alone in fresh namespaces, with the variant as its argument: see
// kernel.test.ts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, describe, test } from 'node:test';
import { IP_FAMILIES, type IPFamily } from '../../lib/ip.ts';
import { IPTABLES_VARIANTS, IptablesError } from './iptables.ts';
import { openIptables } from './kernel.ts';
import { inverse, type Rule, type TablePatch } from './model.ts';
import { printRule } from './print.ts';

const variant = IPTABLES_VARIANTS.find((one) => one === process.argv[2]) ?? 'nft';
execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
const [iptables] = await openIptables({ variant });

/** One of everything that the printer writes. */
const rules = (family: IPFamily): Rule[] => {
  const [host, prefix, bits] =
    family === 'IPv4' ? ['10.1.2.3', '10.0.0.0/8', '0.0.0.10/0.0.0.15'] : ['fd00::3', 'fd00::/8', '::a00/::f00'];
  const tcp = { kind: 'protocol', protocol: 'tcp' } as const;
  const dnat = { kind: 'dnat', ip: host, port: 8080 } as const;
  const list = `P-${family}`;
  return [
    { matches: [{ kind: 'destination', address: bits }], target: { kind: 'goto', chain: 'P-B' } },
    { matches: [{ kind: 'source', address: prefix }], target: { kind: 'jump', chain: 'P-B' } },
    { matches: [{ kind: 'in-interface', name: 'tap+' }], target: { kind: 'return' } },
    { matches: [{ ...tcp, ports: { first: 80, last: 80 } }], target: dnat },
    {
      matches: [{ kind: 'protocol', protocol: 'udp', ports: { first: 30000, last: 30015 } }],
      target: { kind: 'return' },
    },
    { matches: [{ kind: 'protocol', protocol: 'sctp', ports: { first: 9, last: 9 } }], target: dnat },
    { matches: [tcp, { kind: 'one-in', count: 3 }, { kind: 'note', list }], target: dnat },
    { matches: [tcp, { kind: 'seen', list, seconds: 10800 }, { kind: 'note', list }], target: dnat },
    { matches: [{ kind: 'local', of: 'source' }], target: { kind: 'mark-connection', bit: 0x20000000 } },
    { matches: [{ kind: 'connection-mark', bit: 0x20000000 }], target: { kind: 'unmark-connection', bit: 0x20000000 } },
    { matches: [{ kind: 'comment', text: 'example/web' }], target: { kind: 'return' } },
  ];
};
const filterRules: Rule[] = [
  { matches: [{ kind: 'protocol', protocol: 'tcp' }], target: { kind: 'reject', with: 'tcp-reset' } },
  { matches: [], target: { kind: 'reject', with: 'port-unreachable' } },
  { matches: [{ kind: 'in-interface', name: 'lo', not: true }], target: { kind: 'drop' } },
  {
    matches: [
      { kind: 'state', states: ['NEW'] },
      { kind: 'state', states: ['DNAT'], not: true },
    ],
    target: { kind: 'return' },
  },
];

/** A patch that makes a chain with these rules, and an empty one. */
function patch(family: IPFamily, table: TablePatch['table'], after: readonly string[]): TablePatch {
  const chains = [
    { chain: 'P-A', before: undefined, after },
    { chain: 'P-B', before: undefined, after: [] },
    // Not to be reached from where destinations are translated.
    { chain: 'P-M', before: undefined, after: table === 'nat' ? ['-j MASQUERADE'] : [] },
  ];
  const hook = { into: table === 'nat' ? 'PREROUTING' : 'FORWARD', rule: '-m comment --comment ours -j P-A' };
  return { family, table, chains, hooked: [hook], unhooked: [] };
}

/** Everything of a family but counters and times. */
function dump(family: IPFamily): string {
  const program = `${family === 'IPv4' ? 'iptables' : 'ip6tables'}-${variant}-save`;
  return execFileSync(program, { encoding: 'utf8' }).replaceAll(/^#.*\n|\[\d+:\d+\]/gm, '');
}

for (const family of IP_FAMILIES) {
  describe(`over ${family}`, () => {
    const nat = patch(
      family,
      'nat',
      rules(family).map((rule) => printRule(rule, family)),
    );
    const filter = patch(
      family,
      'filter',
      filterRules.map((rule) => printRule(rule, family)),
    );
    after(async () => {
      for (const one of [nat, filter]) await iptables.apply(inverse(one));
    });

    test('what is written is what is read, word for word', async () => {
      for (const one of [nat, filter]) {
        await iptables.apply(one);
        const { chains, hooks } = await iptables.read(family, one.table, 'P-');
        assert.deepEqual(chains.get('P-A'), one.chains[0]?.after);
        assert.deepEqual(chains.get('P-B'), []);
        assert.deepEqual(hooks, one.hooked);
      }
    });

    test('how much there is is counted as it is read', async () => {
      const { chains, hooks } = await iptables.count(family, 'nat', 'P-');
      assert.equal(chains.get('P-A'), rules(family).length);
      assert.deepEqual([...hooks], [['PREROUTING', 1]]);
    });

    test('a refused patch changes nothing', async () => {
      const before = dump(family);
      const fingerprint = await iptables.fingerprint();
      const after = ['-j RETURN', '-p tcp -j DNAT --to-destination nowhere:80'];
      const chains = [{ chain: 'P-A', before: nat.chains[0]?.after, after }];
      await assert.rejects(iptables.apply({ ...nat, chains, hooked: [] }), IptablesError);
      assert.equal(dump(family), before);
      assert.equal(await iptables.fingerprint(), fingerprint);
    });

    test('the fingerprint moves by as much as a patch says, and when others change something', async () => {
      const before = (await iptables.fingerprint()) ?? Number.NaN;
      const change: TablePatch = {
        ...{ family, table: 'nat', hooked: [], unhooked: [] },
        chains: [
          { chain: 'P-B', before: [], after: ['-j RETURN', '-j RETURN'] },
          { chain: 'P-C', before: undefined, after: ['-j RETURN'] },
        ],
      };
      await iptables.apply(change);
      const moved = before + iptables.moves(change);
      assert.equal(await iptables.fingerprint(), moved);
      await iptables.apply(inverse(change));
      assert.equal(await iptables.fingerprint(), moved + iptables.moves(inverse(change)));
      const now = await iptables.fingerprint();
      execFileSync(`${family === 'IPv4' ? 'iptables' : 'ip6tables'}-${variant}`, ['-F', 'P-A']);
      assert.notEqual(await iptables.fingerprint(), now);
    });
  });
}

test('reading finds nothing where nothing of ours is', async () => {
  const { chains, hooks } = await iptables.read('IPv4', 'nat', 'Q-');
  assert.deepEqual([chains.size, hooks.length], [0, 0]);
});
