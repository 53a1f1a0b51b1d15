import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Random, randomBelow, seededRandom } from '../../../../lib/random.ts';
import { type LoadBalancerRequest, type RequestDefaults, requestOf } from '../request.ts';
import { stepsTo, unchangeable } from './diff.ts';
import type { ActualLoadBalancer, DesiredBackendSet, DesiredLoadBalancer, Listener, Step } from './model.ts';
import { ociService } from './testing.ts';

const DEFAULTS: RequestDefaults = {
  loadBalancer: {
    disabled: false,
    subnet1: 'ocid1.subnet.oc1.xx-test-1.a',
    subnet2: undefined,
    securityListManagementMode: 'All',
    securityLists: {},
  },
  tags: { freeform: {}, defined: {} },
};

const HEALTH = { path: '/healthz', port: 10256, retries: 3, timeout: 3000, interval: 10_000 };

const backendSet = (name: string, nodePort = 30080, more: Partial<DesiredBackendSet> = {}): DesiredBackendSet => ({
  name,
  policy: 'ROUND_ROBIN',
  health: HEALTH,
  backends: [{ address: '10.0.0.1', port: nodePort }],
  ...more,
});

const listener = (port: number, more: Partial<Listener> = {}): Listener => ({
  name: `TCP-${port}`,
  backendSet: `TCP-${port}`,
  protocol: 'TCP',
  port,
  ...more,
});

function desired(more: Partial<DesiredLoadBalancer> = {}): DesiredLoadBalancer {
  return {
    type: 'lb',
    name: 'uid',
    internal: false,
    subnets: ['subnet'],
    ipVersion: 'IPV4',
    groups: [],
    assignedAddresses: {},
    listeners: [listener(80)],
    backendSets: [backendSet('TCP-80')],
    certificates: [],
    tags: { freeform: { team: 'net', 'postern.dev/service': 'ns/web' }, defined: {} },
    ...more,
  };
}

function actual(more: Partial<ActualLoadBalancer> = {}): ActualLoadBalancer {
  const { tags: _tags, assignedAddresses: _assigned, ...is } = desired();
  const freeformTags = { 'postern.dev/service': 'ns/web' };
  return { ...is, id: 'id', state: 'ACTIVE', shape: { name: '100Mbps' }, addresses: [], freeformTags, ...more };
}

function asked(more: Partial<LoadBalancerRequest> = {}): LoadBalancerRequest {
  const requested = requestOf(ociService('lb'), DEFAULTS, 'test');
  return requested.kind === 'request' ? { ...requested.request, ...more } : assert.fail(requested.why);
}

const kinds = (steps: readonly Step[]): readonly string[] => steps.map(({ kind }) => kind);

test('nothing is done where nothing differs, nor for what the Service does not speak of', () => {
  assert.deepEqual(stepsTo(desired(), actual()), []);
  const byHand = actual({
    shape: { name: 'flexible', minimum: 10, maximum: 20 },
    listeners: [listener(80, { idleTimeout: 900, proxyProtocol: 2 })],
    freeformTags: { 'postern.dev/service': 'ns/web', other: 'tag' },
  });
  assert.deepEqual(stepsTo(desired(), byHand), []);
});

test('each thing that differs is changed', () => {
  const cases: readonly (readonly [Partial<DesiredLoadBalancer>, Step])[] = [
    [{ shape: { name: '400Mbps' } }, { kind: 'update-shape', shape: { name: '400Mbps' } }],
    [{ groups: ['g'] }, { kind: 'update-groups', groups: ['g'] }],
    [{ ipVersion: 'IPV4_AND_IPV6' }, { kind: 'update-ip-version', ipVersion: 'IPV4_AND_IPV6' }],
    [
      { backendSets: [backendSet('TCP-80', 30081)] },
      { kind: 'update-backend-set', backendSet: backendSet('TCP-80', 30081) },
    ],
    [
      { backendSets: [backendSet('TCP-80', 30080, { policy: 'IP_HASH' })] },
      { kind: 'update-backend-set', backendSet: backendSet('TCP-80', 30080, { policy: 'IP_HASH' }) },
    ],
    [
      { listeners: [listener(80, { idleTimeout: 60 })] },
      { kind: 'update-listener', listener: listener(80, { idleTimeout: 60 }) },
    ],
    [
      { tags: { freeform: { 'postern.dev/service': 'ns/other' }, defined: {} } },
      { kind: 'update-tags', freeform: { 'postern.dev/service': 'ns/other' } },
    ],
  ];
  for (const [change, step] of cases) assert.deepEqual(stepsTo(desired(change), actual()), [step]);
});

test('a health check that asks in another way is put right', () => {
  const found = actual({ backendSets: [{ ...backendSet('TCP-80'), health: undefined }] });
  assert.deepEqual(kinds(stepsTo(desired(), found)), ['update-backend-set']);
});

test('the PROXY protocol is turned off only where the Service says so', () => {
  const found = actual({ listeners: [listener(80, { proxyProtocol: 2 })] });
  assert.deepEqual(kinds(stepsTo(desired({ listeners: [listener(80, { proxyProtocol: false })] }), found)), [
    'update-listener',
  ]);
  assert.deepEqual(stepsTo(desired({ listeners: [listener(80, { proxyProtocol: false })] }), actual()), []);
});

test('a flexible shape stays flexible', () => {
  const found = actual({ shape: { name: 'flexible', minimum: 10, maximum: 100 } });
  assert.deepEqual(stepsTo(desired({ shape: { name: '400Mbps' } }), found), []);
  const told = unchangeable(asked({ shape: { name: '400Mbps' } }), found).join();
  assert.match(told, /its shape is flexible, and becomes 400Mbps only as flexible/);
});

test('a port goes from one listener to another by way of none, while its backend set is there', () => {
  const http = listener(80, { name: 'HTTP-80', protocol: 'HTTP' });
  assert.deepEqual(stepsTo(desired({ listeners: [http] }), actual()), [
    { kind: 'delete-listener', name: 'TCP-80' },
    { kind: 'create-listener', listener: http },
  ]);
});

test('what leads to nodes is followed before anything that OCI may refuse, unless it needs that', () => {
  const tls = { certificate: 'postern-front-0' };
  const wanted = desired({
    ipVersion: 'IPV4_AND_IPV6',
    groups: ['g'],
    listeners: [listener(80), listener(443)],
    backendSets: [backendSet('TCP-80', 30081), backendSet('TCP-81', 30081, { tls }), backendSet('TCP-443')],
    certificates: [tls.certificate],
  });
  const found = actual({ backendSets: [backendSet('TCP-80'), backendSet('TCP-81')] });
  assert.deepEqual(kinds(stepsTo(wanted, found)), [
    'update-backend-set',
    'update-ip-version',
    'update-groups',
    'create-certificate',
    'create-backend-set',
    'update-backend-set',
    'create-listener',
  ]);
});

test('a family comes before what needs it, and goes after', () => {
  const both: Partial<DesiredLoadBalancer> = {
    type: 'nlb',
    ipVersion: 'IPV4_AND_IPV6',
    listeners: [listener(80), listener(80, { name: 'TCP-80-IPv6', backendSet: 'TCP-80-IPv6', family: 'IPv6' })],
    backendSets: [backendSet('TCP-80'), backendSet('TCP-80-IPv6')],
  };
  const { listeners = [], backendSets = [] } = both;
  assert.deepEqual(kinds(stepsTo(desired(both), actual())), [
    'update-ip-version',
    'create-backend-set',
    'create-listener',
  ]);
  assert.deepEqual(kinds(stepsTo(desired(), actual({ ipVersion: 'IPV4_AND_IPV6', listeners, backendSets }))), [
    'delete-listener',
    'delete-backend-set',
    'update-ip-version',
  ]);
});

test('what cannot be changed is told', () => {
  const other = asked({
    internal: true,
    subnets: [{ id: 'other', annotated: true }],
    reservedAddress: '192.0.2.1',
    assignedAddresses: { IPv4: '10.0.0.9' },
  });
  const told = unchangeable(
    other,
    actual({ addresses: [{ address: '10.0.0.8', isPublic: false, isReserved: false }] }),
  );
  const [internal = '', subnet = '', reserved = '', assigned = '', ...others] = told;
  assert.match(internal, /^it is public, which cannot be changed/);
  assert.match(subnet, /^it is in subnet,/);
  assert.match(reserved, /^its reserved address is none,/);
  assert.match(assigned, /^it has not the address 10.0.0.9,/);
  assert.deepEqual(others, []);
  assert.deepEqual(unchangeable(asked(), actual()), []);
  // What the configuration says of new ones is nothing to those that are there.
  assert.deepEqual(unchangeable(asked({ subnets: [{ id: 'other', annotated: false }] }), actual()), []);
});

test('any load balancer becomes any other, and leads to something at every moment', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seededRandom(seed);
    const wanted = desired(randomParts(random));
    let now = actual(randomParts(random));
    for (const step of stepsTo(wanted, now)) {
      now = after(now, step);
      assertSound(now, `seed ${seed}, after ${JSON.stringify(step)}`);
    }
    assert.deepEqual(stepsTo(wanted, now), [], `seed ${seed}`);
    assert.deepEqual(byName(now.listeners), byName(wanted.listeners), `seed ${seed}`);
    assert.deepEqual(byName(now.backendSets), byName(wanted.backendSets), `seed ${seed}`);
  }
});

function randomParts(random: Random) {
  const ports = [80, 443, 8080].filter(() => randomBelow(random, 2) === 0);
  const protocol = randomBelow(random, 2) === 0 ? 'TCP' : 'HTTP';
  return {
    listeners: ports.map((port) => listener(port, { name: `${protocol}-${port}`, protocol })),
    backendSets: ports.map((port) => backendSet(`TCP-${port}`, 30_000 + randomBelow(random, 3))),
    groups: ['a', 'b'].filter(() => randomBelow(random, 2) === 0),
  };
}

/** What OCI makes of it. */
function after(now: ActualLoadBalancer, step: Step): ActualLoadBalancer {
  const { listeners, backendSets } = now;
  switch (step.kind) {
    case 'create-backend-set':
      return { ...now, backendSets: [...backendSets, step.backendSet] };
    case 'update-backend-set':
      return { ...now, backendSets: replaced(backendSets, step.backendSet) };
    case 'delete-backend-set':
      return { ...now, backendSets: backendSets.filter(({ name }) => name !== step.name) };
    case 'create-listener':
      return { ...now, listeners: [...listeners, step.listener] };
    case 'update-listener':
      return { ...now, listeners: replaced(listeners, step.listener) };
    case 'delete-listener':
      return { ...now, listeners: listeners.filter(({ name }) => name !== step.name) };
    case 'update-groups':
      return { ...now, groups: step.groups };
    default:
      return now;
  }
}

function replaced<T extends { readonly name: string }>(all: readonly T[], one: T): readonly T[] {
  assert.ok(all.some(({ name }) => name === one.name));
  return all.map((old) => (old.name === one.name ? one : old));
}

function assertSound({ listeners, backendSets }: ActualLoadBalancer, message: string): void {
  const names = backendSets.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length, message);
  assert.ok(
    listeners.every((one) => names.includes(one.backendSet)),
    message,
  );
  const ports = listeners.map(({ port, family }) => `${port} ${family}`);
  assert.equal(new Set(ports).size, ports.length, message);
}

const byName = <T extends { readonly name: string }>(all: readonly T[]): readonly T[] =>
  all.toSorted((a, b) => (a.name < b.name ? -1 : 1));
