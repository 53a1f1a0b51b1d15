import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomBelow, seededRandom } from '../../../../lib/random.ts';
import { parseMark, type Scope } from './marks.ts';
import { type Claim, LIST_LIMIT, type ListRules, latest, merge } from './merge.ts';
import { contentOfIngress, type Direction, egressRule, type IngressRule, ingressRule, type Rule } from './rules.ts';

const rule = (port: number, over: Partial<Rule> = {}): Rule => ({
  direction: 'ingress',
  peer: '0.0.0.0/0',
  protocol: 'TCP',
  port,
  ...over,
});

const claim = (owner: string, ...rules: readonly Rule[]): Claim => ({
  scope: { kind: 'service', owner },
  wanted: rules.map((one) => ({ owner, rule: one })),
});

const EMPTY: ListRules = { ingress: [], egress: [] };

/** What the administrator of a list wrote. */
const THEIRS: ListRules = {
  ingress: [
    { protocol: '6', source: '0.0.0.0/0', tcpOptions: { destinationPortRange: { min: 22, max: 22 } } },
    {
      protocol: '6',
      source: '0.0.0.0/0',
      tcpOptions: { destinationPortRange: { min: 80, max: 80 } },
      description: 'web',
    },
    { protocol: '1', source: '10.0.0.0/16', icmpOptions: { type: 3 } },
  ],
  egress: [{ protocol: 'all', destination: '0.0.0.0/0' }],
};

/** The list once a merge was written. */
function after(list: ListRules, ...claims: readonly Claim[]): ListRules {
  const { ingress = list.ingress, egress = list.egress } = merge(list, latest(claims));
  return { ingress, egress };
}

const descriptions = ({ ingress }: ListRules) => ingress.map(({ description }) => description);

test('what is wanted comes after what was there', () => {
  const wanted = [rule(443), rule(53, { protocol: 'UDP' }), rule(30443, { direction: 'egress', peer: '10.0.0.0/20' })];
  const list = after(THEIRS, claim('c/a/web', ...wanted));
  assert.deepEqual(list.ingress.slice(0, 3), THEIRS.ingress);
  assert.deepEqual(list.ingress.slice(3), [
    {
      source: '0.0.0.0/0',
      sourceType: 'CIDR_BLOCK',
      protocol: '6',
      isStateless: false,
      tcpOptions: { destinationPortRange: { min: 443, max: 443 } },
      description: 'Postern: c/a/web',
    },
    {
      source: '0.0.0.0/0',
      sourceType: 'CIDR_BLOCK',
      protocol: '17',
      isStateless: false,
      udpOptions: { destinationPortRange: { min: 53, max: 53 } },
      description: 'Postern: c/a/web',
    },
  ]);
  assert.equal(list.egress[1]?.destination, '10.0.0.0/20');
});

test('nothing is written where nothing differs', () => {
  const claims = [claim('c/a/web', rule(443)), claim('c/a/none')];
  const { ingress, egress, refused } = merge(after(THEIRS, ...claims), claims);
  assert.deepEqual([ingress, egress, refused], [undefined, undefined, []]);
});

test('only the direction that changes is written', () => {
  const { ingress, egress } = merge(THEIRS, [claim('c/a/web', rule(443))]);
  assert.deepEqual([ingress?.length, egress], [4, undefined]);
});

test('a rule that two Services need is there once, and goes with the last of them', () => {
  let list = after(EMPTY, claim('c/a/one', rule(443)), claim('c/a/two', rule(443)));
  assert.deepEqual(descriptions(list), ['Postern: c/a/one, c/a/two']);
  list = after(list, claim('c/a/one'));
  assert.deepEqual(descriptions(list), ['Postern: c/a/two']);
  assert.deepEqual(after(list, claim('c/a/two')), EMPTY);
});

test('what an administrator had let through before is neither doubled nor removed', () => {
  const list = after(THEIRS, claim('c/a/web', rule(80)));
  assert.deepEqual(list, THEIRS);
  assert.deepEqual(after(list, claim('c/a/web')), THEIRS);
});

test('an IPv6 prefix is the same in any spelling', () => {
  const list = after(EMPTY, claim('c/a/web', rule(80, { peer: '2001:db8::/32' })));
  const [first] = list.ingress;
  assert.ok(first !== undefined);
  const respelt = { ...list, ingress: [{ ...first, source: '2001:0DB8:0:0::/32' }] };
  assert.deepEqual(merge(respelt, [claim('c/a/web', rule(80, { peer: '2001:db8::/32' }))]).ingress, undefined);
});

test('a rule of ours that somebody widened is put right', () => {
  const [made] = after(EMPTY, claim('c/a/web', rule(80))).ingress;
  assert.ok(made !== undefined);
  const widened: IngressRule = { ...made, tcpOptions: { destinationPortRange: { min: 1, max: 65535 } } };
  assert.deepEqual(after({ ingress: [widened], egress: [] }, claim('c/a/web', rule(80))).ingress, [made]);
  assert.deepEqual(after({ ingress: [widened], egress: [] }, claim('c/a/web')), EMPTY);
});

test('rules that we would not make are no stand-in for those that we need', () => {
  const [made] = after(EMPTY, claim('c/a/web', rule(80))).ingress;
  assert.ok(made !== undefined);
  const { description, ...bare } = made;
  const others: readonly IngressRule[] = [
    { ...bare, isStateless: true },
    { ...bare, sourceType: 'SERVICE_CIDR_BLOCK', source: 'oci-phx-objectstorage' },
    { ...bare, tcpOptions: { destinationPortRange: { min: 80, max: 81 } } },
    { ...bare, tcpOptions: { destinationPortRange: { min: 80, max: 80 }, sourcePortRange: { min: 1, max: 2 } } },
    { ...bare, protocol: 'all' },
  ];
  for (const other of others) {
    assert.deepEqual(after({ ingress: [other], egress: [] }, claim('c/a/web', rule(80))).ingress, [other, made]);
  }
});

test('a full list keeps what it has, and says what it has no room for', () => {
  const full = {
    ...EMPTY,
    ingress: Array.from({ length: LIST_LIMIT - 1 }, (_, port) => ingressRule(rule(port + 1000), '')),
  };
  const claims = [claim('c/a/one', rule(1)), claim('c/a/two', rule(2), rule(1001), rule(3, { direction: 'egress' }))];
  const { ingress, egress, refused } = merge(full, claims);
  assert.equal(ingress?.length, LIST_LIMIT);
  assert.equal(egress?.length, 1);
  assert.deepEqual(refused, [{ owner: 'c/a/two', rule: rule(2) }]);
});

test('what goes makes room for what comes in the same write', () => {
  const others = Array.from({ length: LIST_LIMIT - 1 }, (_, port) => ingressRule(rule(port + 1000), ''));
  const full = { ...EMPTY, ingress: [...others, ingressRule(rule(80), 'Postern: c/a/old')] };
  const { ingress, refused } = merge(full, [claim('c/a/new', rule(81)), claim('c/a/old')]);
  assert.deepEqual([ingress?.length, ingress?.at(-1)?.description, refused], [LIST_LIMIT, 'Postern: c/a/new', []]);
});

test('a rule with more owners than can be told stays until the last rule of ours goes', () => {
  const all = Array.from({ length: 60 }, (_, index) => claim(`c/a/s${index}`, rule(10256), rule(30000 + index)));
  let list = after(THEIRS, ...all);
  assert.equal(list.ingress.find((one) => contentOfIngress(one)?.endsWith(' 10256'))?.description, 'Postern: many');
  const gone = all.map(({ scope }): Claim => ({ scope, wanted: [] }));
  list = after(list, ...gone.slice(1));
  assert.deepEqual(descriptions(list).slice(3), ['Postern: many', 'Postern: c/a/s0']);
  assert.deepEqual(after(list, ...gone.slice(0, 1)), THEIRS);
});

test('of two claims of one Service the later counts', () => {
  assert.deepEqual(
    after(EMPTY, claim('c/a/web', rule(80)), claim('c/a/web', rule(81))),
    after(EMPTY, claim('c/a/web', rule(81))),
  );
});

test('whatever is claimed in whatever order, others keep theirs, each has what it wants, and in the end all is as before', () => {
  const seed = 7;
  const random = seededRandom(seed);
  const names = ['c/a/one', 'c/a/two', 'c/b/three', 'd/a/one'];
  const wants = new Map<string, readonly Rule[]>();
  let list = THEIRS;
  for (let step = 0; step < 300; step++) {
    const owner = names[randomBelow(random, names.length)] ?? '';
    const rules = Array.from({ length: randomBelow(random, 4) }, () =>
      rule(79 + randomBelow(random, 4), {
        direction: (['ingress', 'egress'] as Direction[])[randomBelow(random, 2)] ?? 'ingress',
      }),
    );
    wants.set(owner, rules);
    list = after(list, claim(owner, ...rules));
    const foreign = { ingress: list.ingress.filter(isForeign), egress: list.egress.filter(isForeign) };
    assert.deepEqual(foreign, THEIRS, `seed ${seed}, step ${step}`);
    const wanted = [...wants].map(([name, own]) => claim(name, ...own));
    assert.deepEqual(after(list, ...wanted), list, `seed ${seed}, step ${step}`);
  }
  assert.deepEqual(after(list, ...names.map((name) => claim(name))), THEIRS);
});

const isForeign = ({ description }: { readonly description?: string }) => parseMark(description) === undefined;

test('node ports are claimed for all Services at once', () => {
  const scope: Scope = { kind: 'node-ports', cluster: 'c' };
  const list = { ...EMPTY, egress: [egressRule(rule(1, { direction: 'egress' }), 'Postern: c/a/web')] };
  const wanted = ['c/a/x:node-ports', 'c/a/y:node-ports'].map((owner, index) => ({ owner, rule: rule(30080 + index) }));
  const open = after(list, { scope, wanted });
  assert.deepEqual(descriptions(open), ['Postern: c/a/x:node-ports', 'Postern: c/a/y:node-ports']);
  assert.deepEqual(descriptions(after(open, { scope, wanted: wanted.slice(1) })), ['Postern: c/a/y:node-ports']);
  assert.deepEqual(after(open, { scope, wanted: [] }), list);
});
