import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readingOf } from '../enforce/reading.ts';
import type { Ruleset, ServiceDefinition } from './firewall-d1.ts';
import { zoneRules } from './zone-rules.ts';
import type { Zone, Zones } from './zones.ts';

const ruleset = (kind: 'zone' | 'policy', name: string, more: Partial<Ruleset> = {}): Ruleset => ({
  ...{ kind, name, target: kind === 'zone' ? 'default' : 'CONTINUE', services: [], ports: [], protocols: [] },
  ...{ richRules: [], forward: false, priority: 0, ingressZones: [], egressZones: [] },
  ...more,
});

interface Parts extends Partial<Omit<Zone, 'settings'>> {
  readonly settings?: Partial<Ruleset>;
}

const WEB: ServiceDefinition = {
  ...{ ports: [['30000-30100', 'tcp']], protocols: [], includes: ['more'], hasDestinations: false },
};
const LOCAL: ServiceDefinition = { ...WEB, includes: [], hasDestinations: true };
const MORE: ServiceDefinition = { ...WEB, ports: [['53', 'udp']], includes: ['web'] };

/** `public` is the default zone, and `lan0` is in it. */
function look(zones: Readonly<Record<string, Parts>>, more: Partial<Zones> = {}): Zones {
  const all = Object.entries<Parts>({ public: {}, ...zones });
  return {
    defaultZone: 'public',
    zones: new Map(
      all.map(([name, { interfaces = [], sources = [], settings }]) => [
        name,
        { interfaces, sources, settings: ruleset('zone', name, settings) },
      ]),
    ),
    policies: [],
    services: new Map(Object.entries({ web: WEB, local: LOCAL, more: MORE })),
    ipsets: new Map([['friends', ['10.0.0.0/8', '192.0.2.7']]]),
    ...more,
  };
}

const TO = { family: 'IPv4', address: '192.168.50.1', protocol: 'tcp', port: 30_080 } as const;

/** Who is admitted by an interface that is in no zone of its own, and so in the default zone. */
function admitted(zones: Zones): readonly string[] {
  const { rules, ways } = zoneRules(zones);
  return [...readingOf(rules, ways, { all: true }).others(TO)].sort();
}

const inPublic = (settings: Partial<Ruleset>) => look({ public: { settings } });
const rich = (...richRules: readonly string[]) => inPublic({ richRules });
const policy = (priority: number, more: Partial<Ruleset>) =>
  ruleset('policy', `p${priority}`, { priority, ingressZones: ['ANY'], egressZones: ['HOST'], ...more });
const ALL = ['0.0.0.0/0'];
const BUT_TEN = [
  '0.0.0.0/5',
  '11.0.0.0/8',
  '12.0.0.0/6',
  '128.0.0.0/1',
  '16.0.0.0/4',
  '32.0.0.0/3',
  '64.0.0.0/2',
  '8.0.0.0/7',
];

const cases: readonly (readonly [string, Zones, readonly string[]])[] = [
  ['a zone that names nothing', look({}), []],
  ['a zone that accepts all', inPublic({ target: 'ACCEPT' }), ALL],
  ['a port', inPublic({ ports: [['30080', 'tcp']] }), ALL],
  [
    'another port, and another protocol',
    inPublic({
      ports: [
        ['30081', 'tcp'],
        ['30080', 'udp'],
      ],
    }),
    [],
  ],
  ['a service', inPublic({ services: ['web'] }), ALL],
  ['a service that another brings with it', inPublic({ services: ['more'] }), ALL],
  ['a service for certain destinations', inPublic({ services: ['local'] }), []],
  ['a protocol', inPublic({ protocols: ['tcp'] }), ALL],
  ['a protocol by its number', inPublic({ protocols: ['6'] }), ALL],
  [
    'a refusal of a protocol by its number',
    inPublic({ target: 'ACCEPT', richRules: ['rule protocol value="6" drop'] }),
    [],
  ],
  [
    'a rule for a source',
    rich('rule family="ipv4" source address="10.0.0.0/8" service name="web" accept'),
    ['10.0.0.0/8'],
  ],
  ['a rule for all but a source', rich('rule family="ipv4" source NOT address="10.0.0.0/8" accept'), BUT_TEN],
  ['a rule for an ipset', rich('rule source ipset="friends" accept'), ['10.0.0.0/8', '192.0.2.7/32']],
  ['a rule for an ipset that cannot be read', rich('rule source ipset="strangers" accept'), []],
  ['a rule for a MAC address', rich('rule source mac="00:11:22:33:44:55" accept'), []],
  ['a rule for so many packets in a time', rich('rule port port="30080" protocol="tcp" accept limit value="1/m"'), []],
  ['a rule for a destination', rich('rule family="ipv4" destination address="192.168.50.0/24" accept'), ALL],
  ['a rule for another destination', rich('rule family="ipv4" destination address="192.168.51.0/24" accept'), []],
  ['a rule for the other family', rich('rule family="ipv6" accept'), []],
  [
    'a refusal, which comes before acceptances',
    rich('rule port port="30080" protocol="tcp" accept', 'rule family="ipv4" source address="0.0.0.0/1" drop'),
    ['128.0.0.0/1'],
  ],
  [
    'a refusal of a later priority, after them',
    rich('rule port port="30080" protocol="tcp" accept', 'rule priority="5" drop'),
    ALL,
  ],
  [
    'a refusal of an earlier priority, before ports',
    inPublic({ ports: [['30080', 'tcp']], richRules: ['rule priority="-5" drop'] }),
    [],
  ],
  [
    'what is ours',
    rich(
      'rule priority="31952" family="ipv4" destination address="192.168.50.1" port port="30080" protocol="tcp" accept',
    ),
    [],
  ],
  [
    'a zone for a source that others are not in',
    look({
      public: { settings: { target: 'ACCEPT' } },
      drop: { sources: ['0.0.0.0/1'], settings: { target: 'DROP' } },
    }),
    ['128.0.0.0/1'],
  ],
  [
    'a zone for the sources of an ipset',
    look({ trusted: { sources: ['ipset:friends'], settings: { target: 'ACCEPT' } } }),
    ['10.0.0.0/8', '192.0.2.7/32'],
  ],
  [
    'a zone for a MAC address that decides otherwise',
    look({ public: { settings: { target: 'ACCEPT' } }, drop: { sources: ['00:11:22:33:44:55'] } }),
    [],
  ],
  ['a policy before the zone', look({}, { policies: [policy(-1, { target: 'ACCEPT' })] }), ALL],
  [
    'a policy that refuses before it',
    look({ public: { settings: { target: 'ACCEPT' } } }, { policies: [policy(-1, { target: 'DROP' })] }),
    [],
  ],
  [
    'a policy behind the zone and before its target',
    look({}, { policies: [policy(1, { ports: [['30080', 'tcp']] })] }),
    ALL,
  ],
  [
    'a policy for what is forwarded',
    look({}, { policies: [policy(-1, { target: 'ACCEPT', egressZones: ['ANY'] })] }),
    [],
  ],
];

for (const [what, zones, sources] of cases) {
  test(`${what}: ${sources.join(', ') || 'nobody'} may come`, () => {
    assert.deepEqual(admitted(zones), sources);
  });
}

test('interfaces of a zone are a way of their own, and none of them is another’s', () => {
  const { rules, ways } = zoneRules(
    look({
      trusted: { interfaces: ['ppp+', 'lan1'], settings: { target: 'ACCEPT' } },
      public: { interfaces: ['lan0'] },
    }),
  );
  assert.deepEqual(ways, [['lan0'], ['lan1', 'ppp*']]);
  const reading = readingOf(rules, ways, { all: true });
  assert.deepEqual(
    reading.ways.map(({ sources }) => sources(TO)),
    [[], ALL],
  );
  assert.deepEqual(reading.others(TO), []);
});

test('an interface is in the zone that its name was put into, before that of names that begin like it', () => {
  const { rules, ways } = zoneRules(
    look({ any: { interfaces: ['ppp+'], settings: { target: 'ACCEPT' } }, one: { interfaces: ['ppp7'] } }),
  );
  assert.deepEqual(
    readingOf(rules, ways, { all: true }).ways.map(({ interfaces, sources }) => [interfaces, sources(TO)]),
    [
      [['ppp*'], ALL],
      [['ppp7'], []],
    ],
  );
});
