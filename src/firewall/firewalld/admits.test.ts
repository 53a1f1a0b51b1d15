import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { admissionKey, type Opening } from '../backend.ts';
import { opening } from '../contract.ts';
import { type View, verdicts } from './admits.ts';
import type { Ruleset, ServiceDefinition } from './firewall-d1.ts';
import { richRules } from './rules.ts';
import type { Zone, Zones } from './zones.ts';

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
interface More extends Partial<Omit<View, 'zones'>>, Partial<Pick<Zones, 'policies' | 'services'>> {
  /** Besides `public`, by their sources. */
  readonly sources?: Readonly<Record<string, readonly string[]>>;
}
/** Of which `public` is the default zone. */
const view = (
  zone: Partial<Ruleset>,
  { policies = [], services = new Map(), sources = {}, ...more }: More = {},
): View => {
  const all: readonly Zone[] = [
    { settings: ruleset(zone), interfaces: [], sources: [] },
    ...Object.entries(sources).map(([name, of]) => ({ settings: ruleset({ name }), interfaces: [], sources: of })),
  ];
  const byName = new Map(all.map((one) => [one.settings.name, one]));
  const zones = { defaultZone: 'public', zones: byName, policies, services, ipsets: new Map() };
  return { ...{ zones, strict: false, guests: undefined, panic: false }, ...more };
};
/** A port that ends at this machine, so that the zone decides. */
const real = (more: Partial<Opening> = {}) => opening('IPv4', 80, { kind: 'health-check', ...more });
const verdict = async (seen: View, one = real(), guarded = new Set<string>()) =>
  (await verdicts(seen, [one], { interface: 'lan0', zone: 'public', guarded }))[0];
const kind = async (seen: View, one?: Opening) => (await verdict(seen, one))?.kind;

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
    test(`${rule}: ${expected}${more === undefined ? '' : ` for ${JSON.stringify(more)}`}`, async () => {
      assert.equal(await kind(view({ richRules: [rule] }, { services }), real(more)), expected);
    });
  }
});

test('what the administrator refuses stays refused, whatever we open, unless an earlier rule accepts', async () => {
  const ours = richRules(real());
  const refusal = 'rule family="ipv4" port port="80" protocol="tcp" drop';
  assert.deepEqual(await verdict(view({ richRules: ours })), { kind: 'open-by-us' });
  assert.equal(await kind(view({ richRules: [...ours, refusal] })), 'blocked');
  assert.equal(await kind(view({ richRules: [...ours, refusal.replace('rule', 'rule priority="20000"')] })), 'blocked');
  assert.equal(await kind(view({ richRules: [refusal], ports: [['80', 'tcp']] })), 'blocked');
  const earlier = 'rule priority="-5" port port="80" protocol="tcp" accept';
  assert.equal(await kind(view({ richRules: [refusal, earlier] })), 'open-by-others');
});

test('it is open by us when the rules of all its sources are there', async () => {
  const one = real({ sources: ['192.0.2.0/24', '198.51.100.0/24'] });
  assert.equal(await kind(view({ richRules: richRules(one) }), one), 'open-by-us');
  assert.equal(await kind(view({ richRules: richRules(one).slice(1) }), one), 'blocked');
  assert.equal(await kind(view({ target: 'ACCEPT' }), real({ sources: [] })), 'blocked');
});

test('a zone’s target decides what is left, after policies on either side of it', async () => {
  assert.equal(await kind(view({ target: 'ACCEPT' })), 'open-by-others');
  assert.match(JSON.stringify(await verdict(view({ target: 'DROP' }))), /zone public of firewalld, which drops/);
  const refuses = policy({ target: 'REJECT' });
  assert.match(
    JSON.stringify(await verdict(view({ ports: [['80', 'tcp']] }, { policies: [refuses] }))),
    /policy guard/,
  );
  const late = { ...refuses, priority: 1 };
  assert.equal(await kind(view({ ports: [['80', 'tcp']] }, { policies: [late] })), 'open-by-others');
  assert.equal(await kind(view({ target: 'ACCEPT' }, { policies: [late] })), 'blocked');
  const elsewhere = [
    policy({ target: 'DROP', ingressZones: ['work'] }),
    policy({ target: 'DROP', egressZones: ['ANY'] }),
  ];
  assert.equal(await kind(view({ target: 'ACCEPT' }, { policies: elsewhere })), 'open-by-others');
});

test('who comes by a zone of their own does not decide for the others', async () => {
  const one = real({ sources: ['10.1.0.0/16'] });
  const seen = (source: string, of: Opening) => view({ richRules: richRules(of) }, { sources: { drop: [source] } });
  assert.equal(await kind(seen('10.0.0.0/8', real()), real()), 'open-by-us');
  assert.equal(await kind(seen('192.0.2.0/24', one), one), 'open-by-us');
  assert.match(JSON.stringify(await verdict(seen('10.0.0.0/8', one), one)), /"blocked".*zone drop of firewalld/);
  const unknown = JSON.stringify(await verdict(seen('02:00:00:00:00:01', real()), real()));
  assert.match(unknown, /"unknown".*source 02:00:00:00:00:01 of zone drop of firewalld/);
});

test('what is enforced is open where the zone admits it, and while it is guarded', async () => {
  const vip = opening('IPv4', 80, { policy: 'enforce' });
  const guarded = new Set([admissionKey(vip)]);
  const admitting = view({ ports: [['80', 'tcp']] });
  assert.equal((await verdict(admitting, vip, guarded))?.kind, 'open-by-others');
  assert.equal((await verdict(view({}), vip, guarded))?.kind, 'blocked');
  assert.equal((await verdict(view({}), vip))?.kind, 'bypassed');
  const strict = { ...admitting, strict: true };
  assert.match(JSON.stringify(await verdict(strict, vip, guarded)), /"blocked".*StrictForwardPorts/);
  const forwarding = view({}, { strict: true, guests: 'public' });
  assert.match(JSON.stringify(await verdict(forwarding, vip, guarded)), /"blocked".*zone public of firewalld/);
});

describe('what is translated before firewalld sees it', () => {
  const vip = opening('IPv4', 80);

  test('gets by the zone, and is open by us where the zone says so too', async () => {
    assert.equal(await kind(view({}), vip), 'bypassed');
    assert.equal(await kind(view({ richRules: richRules(vip) }), vip), 'open-by-us');
    assert.equal(await kind(view({ ports: [['80', 'tcp']] }), vip), 'open-by-others');
  });

  test('is blocked with StrictForwardPorts, unless the zone or a policy forwards it', async () => {
    const strict = { strict: true, guests: 'trusted' };
    const blocked = await verdict(view({ richRules: richRules(vip) }, strict), vip);
    assert.match(JSON.stringify(blocked), /"blocked".*StrictForwardPorts=yes.*zone trusted/);
    assert.equal(await kind(view({}, { strict: true, guests: 'public' }), vip), 'open-by-others');
    assert.equal(await kind(view({ forward: false }, { strict: true, guests: 'public' }), vip), 'blocked');
    const between = policy({ ingressZones: ['public'], egressZones: ['trusted'] });
    assert.equal(await kind(view({}, { ...strict, policies: [between] }), vip), 'unknown');
    assert.equal(await kind(view({}, { strict: true, policies: [policy({})] }), vip), 'blocked');
    const forPods = policy({ name: 'postern-to-pods', egressZones: ['postern'] });
    assert.equal(await kind(view({}, { strict: true, guests: 'postern', policies: [forPods] }), vip), 'blocked');
    const nobody = { ...vip, sources: [] };
    assert.match(JSON.stringify(await verdict(view({}, strict), nobody)), /admits nobody/);
  });

  test('is blocked in panic mode as everything is', async () => {
    assert.equal(await kind(view({}, { panic: true }), vip), 'blocked');
  });
});
