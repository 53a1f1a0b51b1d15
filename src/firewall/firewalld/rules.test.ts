import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLIENTS, opening } from '../contract.ts';
import { admissions, isOurs, richRules } from './rules.ts';

const anyone = opening('IPv6', 443);
const some = opening('IPv4', 30_080, { protocol: 'sctp', sources: CLIENTS.IPv4 });

test('an admission is one rule, or one for each prefix of those who may come', () => {
  assert.deepEqual(richRules(anyone), [
    'rule priority="31952" family="ipv6" destination address="fd00:50::100" port port="443" protocol="tcp" accept',
  ]);
  assert.equal(richRules(some).length, 2);
  assert.deepEqual(richRules({ ...some, sources: [] }), []);
});

test('what was written is read back, in any order', () => {
  const read = admissions([...richRules(some), ...richRules(anyone)].reverse());
  const { owner: _, kind: __, ...one } = some;
  assert.deepEqual(
    read.find(({ family }) => family === 'IPv4'),
    { ...one, sources: [...CLIENTS.IPv4].sort() },
  );
  const all = admissions([...richRules(some), ...richRules(opening('IPv4', 30_080, { protocol: 'sctp' }))]);
  assert.deepEqual(
    all.map(({ sources }) => sources),
    [undefined],
    'a rule for anyone beside others is for anyone',
  );
});

test('only rules of our priority and exact form are ours', () => {
  const [rule = ''] = richRules(anyone);
  assert.ok(isOurs(rule));
  const others = [
    rule.replace('31952', '31953'),
    rule.replace('accept', 'drop'),
    rule.replace('port port', 'log prefix="x" port port'),
    rule.replace('fd00:50::100', 'fd00:50::/64'),
    rule.replace('destination address', 'source address="any" destination address'),
    `${rule} limit value="1/m"`,
  ];
  for (const other of others) assert.ok(!isOurs(other), other);
  assert.deepEqual(admissions(others), []);
});
