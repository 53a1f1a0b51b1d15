import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Opening } from '../backend.ts';
import { opening } from '../contract.ts';
import { type View, verdicts } from './admits.ts';
import type { Ruleset, ServiceDefinition } from './firewall-d1.ts';
import { richRules } from './rules.ts';

const ruleset = (more: Partial<Ruleset> = {}): Ruleset => ({
  ...{ kind: 'zone', name: 'public', target: 'default', services: [], ports: [], protocols: [], richRules: [] },
  ...{ forward: true, priority: 0, ingressZones: [], egressZones: [] },
  ...more,
});
const policy = (more: Partial<Ruleset>): Ruleset =>
  ruleset({
    ...{
      kind: 'policy',
      name: 'guard',
      target: 'CONTINUE',
      ingressZones: ['ANY'],
      egressZones: ['HOST'],
      priority: -1,
    },
    ...more,
  });
const service = (more: Partial<ServiceDefinition> = {}): ServiceDefinition => ({
  ...{ ports: [], protocols: [], includes: [], hasDestinations: false },
  ...more,
});
const view = (zone: Partial<Ruleset>, more: Partial<View> = {}): View => ({
  ...{ zone: ruleset(zone), policies: [], services: new Map(), strict: false, guests: undefined, panic: false },
  ...more,
});
/** A port that ends at this machine, so that the zone decides. */
const real = (more: Partial<Opening> = {}) => opening('IPv4', 80, { kind: 'health-check', ...more });
const verdict = (seen: View, one = real()) => verdicts(seen, [one])[0];
const kind = (seen: View, one?: Opening) => verdict(seen, one)?.kind;

describe('a rule of the zone', () => {
  const cases: readonly [rule: string, kind: string, more?: Partial<Opening>][] = [
    ['rule family="ipv4" port port="80" protocol="tcp" accept', 'open-by-others'],
    ['rule family="ipv4" port port="70-90" protocol="tcp" accept', 'open-by-others'],
    ['rule family="ipv6" port port="80" protocol="tcp" accept', 'blocked'],
    ['rule port port="80" protocol="udp" accept', 'blocked'],
    ['rule port port="80" protocol="udp" accept', 'open-by-others', { protocol: 'udp' }],
    ['rule protocol value="6" accept', 'open-by-others'],
    ['rule service name="web" accept', 'open-by-others'],
    ['rule service name="web-and-more" accept', 'open-by-others'],
    ['rule service name="loop" accept', 'blocked'],
    ['rule service name="elsewhere" accept', 'unknown'],
    ['rule family="ipv4" source address="10.0.0.0/8" accept', 'blocked'],
    ['rule family="ipv4" source address="10.0.0.0/8" accept', 'open-by-others', { sources: ['10.1.0.0/16'] }],
    ['rule family="ipv4" source NOT address="10.0.0.0/8" accept', 'blocked', { sources: ['10.1.0.0/16'] }],
    ['rule family="ipv4" source NOT address="10.0.0.0/8" accept', 'open-by-others', { sources: ['192.0.2.0/24'] }],
    ['rule family="ipv4" destination address="192.168.50.100" accept', 'open-by-others'],
    ['rule family="ipv4" destination address="192.168.50.101" accept', 'blocked'],
    ['rule family="ipv4" destination ipset="some" accept', 'unknown'],
    ['rule source mac="02:00:00:00:00:01" accept', 'unknown'],
    ['rule port port="80" protocol="tcp" accept limit value="2/m"', 'unknown'],
    ['rule port port="80" protocol="tcp" log prefix="accept drop reject" limit value="1/d"', 'blocked'],
    ['rule port port="80" protocol="tcp" log prefix="x port" limit value="1/d" accept', 'open-by-others'],
    ['rule masquerade', 'blocked'],
    ['rule protocol value="tcp" mark set="0x1"', 'blocked'],
  ];
  const services = new Map([
    ['web', service({ ports: [['80', 'tcp']] })],
    ['web-and-more', service({ includes: ['web'] })],
    ['loop', service({ includes: ['loop'] })],
    ['elsewhere', service({ ports: [['80', 'tcp']], hasDestinations: true })],
  ]);
  for (const [rule, expected, more] of cases) {
    test(`${rule}: ${expected}${more === undefined ? '' : ` for ${JSON.stringify(more)}`}`, () => {
      assert.equal(kind(view({ richRules: [rule] }, { services }), real(more)), expected);
    });
  }
});

test('what the administrator refuses stays refused, whatever we open, unless an earlier rule accepts', () => {
  const ours = richRules(real());
  const refusal = 'rule family="ipv4" port port="80" protocol="tcp" drop';
  assert.deepEqual(verdict(view({ richRules: ours })), { kind: 'open-by-us' });
  assert.equal(kind(view({ richRules: [...ours, refusal] })), 'blocked');
  assert.equal(kind(view({ richRules: [...ours, refusal.replace('rule', 'rule priority="20000"')] })), 'blocked');
  assert.equal(kind(view({ richRules: [refusal], ports: [['80', 'tcp']] })), 'blocked');
  const earlier = 'rule priority="-5" port port="80" protocol="tcp" accept';
  assert.equal(kind(view({ richRules: [refusal, earlier] })), 'open-by-others');
});

test('it is open by us when the rules of all its sources are there', () => {
  const one = real({ sources: ['192.0.2.0/24', '198.51.100.0/24'] });
  assert.equal(kind(view({ richRules: richRules(one) }), one), 'open-by-us');
  assert.equal(kind(view({ richRules: richRules(one).slice(1) }), one), 'blocked');
  assert.equal(kind(view({ target: 'ACCEPT' }), real({ sources: [] })), 'blocked');
});

test('a zone’s target decides what is left, after policies on either side of it', () => {
  assert.equal(kind(view({ target: 'ACCEPT' })), 'open-by-others');
  assert.match(JSON.stringify(verdict(view({ target: 'DROP' }))), /zone public of firewalld, which drops/);
  const refuses = policy({ target: 'REJECT' });
  assert.match(JSON.stringify(verdict(view({ ports: [['80', 'tcp']] }, { policies: [refuses] }))), /policy guard/);
  const late = { ...refuses, priority: 1 };
  assert.equal(kind(view({ ports: [['80', 'tcp']] }, { policies: [late] })), 'open-by-others');
  assert.equal(kind(view({ target: 'ACCEPT' }, { policies: [late] })), 'blocked');
  const elsewhere = [
    policy({ target: 'DROP', ingressZones: ['work'] }),
    policy({ target: 'DROP', egressZones: ['ANY'] }),
  ];
  assert.equal(kind(view({ target: 'ACCEPT' }, { policies: elsewhere })), 'open-by-others');
});

describe('what is translated before firewalld sees it', () => {
  const vip = opening('IPv4', 80);

  test('gets by the zone, and is open by us where the zone says so too', () => {
    assert.equal(kind(view({}), vip), 'bypassed');
    assert.equal(kind(view({ richRules: richRules(vip) }), vip), 'open-by-us');
    assert.equal(kind(view({ ports: [['80', 'tcp']] }), vip), 'open-by-others');
  });

  test('is blocked with StrictForwardPorts, unless the zone or a policy forwards it', () => {
    const strict = { strict: true, guests: 'trusted' };
    const blocked = verdict(view({ richRules: richRules(vip) }, strict), vip);
    assert.match(JSON.stringify(blocked), /"blocked".*StrictForwardPorts=yes.*zone trusted/);
    assert.equal(kind(view({}, { strict: true, guests: 'public' }), vip), 'open-by-others');
    assert.equal(kind(view({ forward: false }, { strict: true, guests: 'public' }), vip), 'blocked');
    const between = policy({ ingressZones: ['public'], egressZones: ['trusted'] });
    assert.equal(kind(view({}, { ...strict, policies: [between] }), vip), 'unknown');
    assert.equal(kind(view({}, { strict: true, policies: [policy({})] }), vip), 'blocked');
  });

  test('is blocked in panic mode as everything is', () => {
    assert.equal(kind(view({}, { panic: true }), vip), 'blocked');
  });
});
