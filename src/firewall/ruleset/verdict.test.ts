import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { IP_FAMILIES } from '../../lib/ip.ts';
import type { Opening, Verdict } from '../backend.ts';
import { parseTable } from '../nftables/parse-table.ts';
import { ADMITTING } from '../nftables/testing.ts';
import type { Ruleset } from './model.ts';
import { verdictsOf } from './verdict.ts';

const WEB: Opening = {
  ...{ owner: 'default/web', kind: 'node-port', policy: 'managed', family: 'IPv4' },
  ...{ address: '192.168.50.1', protocol: 'tcp', port: 30_080 },
};
const HEALTH: Opening = { ...WEB, kind: 'health-check' };

interface Rules {
  readonly input?: string;
  readonly forward?: string;
  readonly more?: string;
}

/** One table with these base chains, as `nft list table` prints it. */
function table({ input = 'policy accept;', forward = 'policy accept;', more = '' }: Rules): Ruleset {
  const base = (hook: string, text: string) => {
    const [policy = '', ...rules] = text.split('\n');
    return `\tchain ${hook} {\n\t\ttype filter hook ${hook} priority filter; ${policy}\n${rules.map((rule) => `\t\t${rule}\n`).join('')}\t}\n`;
  };
  const text = `table inet f {\n${more}${base('input', input)}\n${base('forward', forward)}}\n`;
  return [parseTable('table inet f', IP_FAMILIES, text)];
}

async function verdict(rules: Rules, opening: Opening, isOurs = false): Promise<Verdict | undefined> {
  return (await verdictsOf([opening], { isOurs: () => isOurs, ruleset: table(rules) }))[0];
}

const DROP = 'policy drop;';
const policyOf = (chain: string) => `policy drop of chain ${chain}, table inet f`;

describe('verdicts', () => {
  test('without any rules, everything is open, by nobody of ours', async () => {
    assert.deepEqual(await verdictsOf([WEB], { isOurs: () => true, ruleset: [] }), [
      { kind: 'open-by-others', by: 'no rule stops it' },
    ]);
  });

  test('what is translated is stopped by the policy for what is forwarded', async () => {
    assert.deepEqual(await verdict({ forward: DROP }, WEB), { kind: 'blocked', by: policyOf('forward') });
    assert.equal((await verdict({ forward: DROP }, HEALTH))?.kind, 'open-by-others');
  });

  test('out of a chain that was gone to, packets come to the policy, and not back', async () => {
    const more = '\tchain other {\n\t\ttcp dport 1 accept\n\t}\n';
    assert.deepEqual(await verdict({ more, input: `${DROP}\ngoto other\naccept` }, HEALTH), {
      ...{ kind: 'blocked', by: policyOf('input') },
    });
    assert.equal((await verdict({ more, input: `${DROP}\njump other\naccept` }, HEALTH))?.kind, 'open-by-others');
  });

  test('what the node serves itself is stopped by the policy for what comes in', async () => {
    assert.deepEqual(await verdict({ input: DROP }, HEALTH), { kind: 'blocked', by: policyOf('input') });
  });

  test('what would not come in, and is forwarded, gets by the administrator’s rules', async () => {
    assert.deepEqual(await verdict({ input: DROP }, WEB), { kind: 'bypassed', by: policyOf('input') });
    const refusing = 'policy accept;\nip saddr 0.0.0.0/0 tcp dport 30000-32767 counter packets 7 bytes 420 drop';
    assert.deepEqual(await verdict({ input: refusing }, WEB), {
      kind: 'bypassed',
      by: 'rule "ip saddr 0.0.0.0/0 tcp dport 30000-32767 drop" of chain input, table inet f',
    });
  });

  test('our sets open where the administrator refers to them, and only what is in them', async () => {
    const rules = { input: `${DROP}\n${ADMITTING}`, forward: `${DROP}\n${ADMITTING}` };
    for (const opening of [WEB, HEALTH]) {
      assert.deepEqual(await verdict(rules, opening, true), { kind: 'open-by-us' });
      assert.equal((await verdict(rules, opening))?.kind, 'blocked');
    }
    assert.equal((await verdict({ ...rules, forward: DROP }, WEB, true))?.kind, 'blocked');
  });

  test('a set that is looked up by the destination after translation opens nothing that is forwarded', async () => {
    const here = `${DROP}\nip daddr . meta l4proto . th dport @postern_open_ipv4 accept`;
    assert.equal((await verdict({ input: here }, HEALTH, true))?.kind, 'open-by-us');
    assert.equal((await verdict({ forward: here }, WEB, true))?.kind, 'blocked');
  });

  test('what one table accepts another may drop', async () => {
    const open = table({ input: `${DROP}\ntcp dport 30080 accept` });
    const closed = table({ input: DROP });
    const [both] = await verdictsOf([HEALTH], { isOurs: () => false, ruleset: [...open, ...closed] });
    assert.equal(both?.kind, 'blocked');
  });

  const inputs: readonly (readonly [string, Verdict['kind']])[] = [
    ['tcp dport { 22, 30000-32767 } accept', 'open-by-others'],
    ['tcp dport { 22, 80 } accept', 'blocked'],
    ['udp dport 30080 accept', 'blocked'],
    ['tcp dport != 22 accept', 'open-by-others'],
    ['ip saddr 10.0.0.0/8 accept', 'unknown'],
    ['ip saddr 10.0.0.0/8 drop', 'blocked'],
    ['ip6 saddr ::/0 accept', 'blocked'],
    ['ip6 saddr != fd00::/8 accept', 'blocked'],
    ['iifname "lo" accept', 'blocked'],
    ['iifname "eth0" accept', 'unknown'],
    ['ct state established,related accept', 'blocked'],
    ['ct state vmap { established : accept, new : jump more }', 'open-by-others'],
    ['tcp dport vmap { 22 : drop, 30000-30100 : accept }', 'open-by-others'],
    ['tcp dport vmap @ports', 'unknown'],
    ['meta mark 0x00000001 accept', 'unknown'],
    ['meta mark set 0x00000001', 'blocked'],
    ['log prefix "accept " level warn', 'blocked'],
    ['limit rate 5/second accept', 'unknown'],
    ['tcp dport 30080 queue to 0', 'unknown'],
    ['tcp dport 30080 log prefix "a b " accept comment "goto drop"', 'open-by-others'],
    ['fib daddr type local tcp dport 30080 accept', 'open-by-others'],
    ['ip protocol icmp accept', 'blocked'],
    ['meta l4proto { tcp, udp } th dport 30080 accept', 'open-by-others'],
    ['ip saddr @friends accept', 'unknown'],
    ['jump more', 'open-by-others'],
    ['goto returns', 'blocked'],
    ['jump returns\naccept', 'open-by-others'],
    ['jump itself', 'unknown'],
    ['tcp flags syn / fin,syn,rst,ack accept', 'unknown'],
    ['ip daddr 192.168.50.0/24 tcp dport 30080 accept', 'open-by-others'],
    ['ip daddr . tcp dport { 192.168.50.1 . 30080 } accept', 'unknown'],
    ['ip daddr 192.168.50.0-192.168.50.7 accept', 'open-by-others'],
    ['ct original daddr 192.168.50.1 ct original proto-dst 30080 accept', 'open-by-others'],
    ['reject with icmpx admin-prohibited', 'blocked'],
  ];
  const more =
    '\tchain more {\n\t\ttcp dport 30080 accept\n\t}\n\n\tchain returns {\n\t\ttcp dport 30080 return\n\t\taccept\n\t}\n\n' +
    '\tchain itself {\n\t\tjump itself\n\t}\n\n';
  for (const [rules, kind] of inputs) {
    test(`behind a policy that drops, ${JSON.stringify(rules)} leaves a port ${kind}`, async () => {
      assert.equal((await verdict({ input: `${DROP}\n${rules}`, more }, HEALTH))?.kind, kind);
    });
  }

  test('who comes decides, where the opening says who may', async () => {
    const input = `${DROP}\nip saddr { 10.0.0.0/8, 192.0.2.0/24 } tcp dport 30080 accept`;
    const from = async (...sources: string[]) => (await verdict({ input }, { ...HEALTH, sources }))?.kind;
    assert.equal(await from('10.1.0.0/16', '192.0.2.1/32'), 'open-by-others');
    assert.equal(await from('10.1.0.0/16', '198.51.100.0/24'), 'blocked', 'one that is stopped is told');
    assert.equal(await from('0.0.0.0/0'), 'unknown');
    assert.equal(await from(), 'blocked', 'nobody may');
  });

  test('what rules say of interfaces counts where it is known what clients come by', async () => {
    const ruleset = table({ input: `${DROP}\niifname { "lan*", "eth1" } tcp dport 30080 accept` });
    const by = async (name: string) =>
      (await verdictsOf([HEALTH], { isOurs: () => false, ruleset, interface: name }))[0]?.kind;
    assert.equal(await by('lan0'), 'open-by-others');
    assert.equal(await by('eth0'), 'blocked');
  });

  test('a rule before translation sees what the client asked for', async () => {
    const text =
      'table inet r {\n\tchain p {\n\t\ttype filter hook prerouting priority raw; policy accept;\n\t\ttcp dport 30080 drop\n\t}\n}\n';
    const ruleset = [parseTable('table inet r', IP_FAMILIES, text)];
    const [found] = await verdictsOf([WEB], { isOurs: () => true, ruleset });
    assert.deepEqual(found, { kind: 'blocked', by: 'rule "tcp dport 30080 drop" of chain p, table inet r' });
  });
});
