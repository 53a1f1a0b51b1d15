import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Random, randomBelow, seededRandom } from '../../../../lib/random.ts';
import type { NodePortRule } from '../../provider.ts';
import type { How } from '../testing/faults.ts';
import type { TestCloud } from '../testing/test-cloud.ts';
import type { BalancedPort, SecurityAsked, SecurityMode } from './asked.ts';
import { parseMark } from './marks.ts';
import { asked, type SecurityWorld, securityWorld } from './testing.ts';

const SEED = 11;
const STEPS = 120;
const NAMES = ['one', 'two', 'three'];
const MODES: readonly SecurityMode[] = ['All', 'Frontend', 'NSG', 'None'];
const HOWS: readonly How[] = [
  'drop',
  'drop-after-doing',
  'timeout',
  'half',
  { status: 429, code: 'TooManyRequests', retryAfter: 1 },
  { status: 500, code: 'InternalServerError' },
  { status: 412, code: 'NoEtagMatch' },
];

function one<T>(random: Random, all: readonly T[]): T {
  const found = all[randomBelow(random, all.length)];
  assert.ok(found !== undefined);
  return found;
}

/** Wishes that often share ports, lists and groups. */
function wish(random: Random, cloud: TestCloud, groups: readonly string[]): SecurityAsked {
  const ports = Array.from(
    { length: randomBelow(random, 3) },
    (): BalancedPort => ({
      protocol: one(random, ['TCP', 'UDP']),
      port: 80 + randomBelow(random, 2),
      nodePort: 30080 + randomBelow(random, 3),
    }),
  );
  return asked(one(random, NAMES), {
    cloud,
    ports,
    mode: one(random, MODES),
    families: one(random, [['IPv4'], ['IPv6'], ['IPv4', 'IPv6']] as const),
    sources: one(random, [[], ['198.51.100.0/24'], ['198.51.100.0/24', '2001:db8:9::/48']]),
    preservesSource: one(random, [true, false]),
    subnets: [one(random, [cloud.world.subnet1, cloud.world.subnet2])],
    backendGroups: one(random, [[], groups.slice(0, 1), groups]),
  });
}

/** Of the same Services: what has a load balancer now may have bare node ports next. */
function nodePorts(random: Random): readonly NodePortRule[] {
  return NAMES.slice(randomBelow(random, NAMES.length + 1)).map((name, index) => ({
    owner: `default/${name}`,
    family: one(random, ['IPv4', 'IPv6']),
    protocol: one(random, ['TCP', 'UDP']),
    port: 30080 + index,
    sources: ['0.0.0.0/0', '::/0'],
  }));
}

async function makeGroup(
  { calls, world }: { calls: ReturnType<TestCloud['calls']>; world: TestCloud['world'] },
  displayName: string,
) {
  const { compartmentId, vcnId } = world;
  const details = { compartmentId, vcnId, displayName };
  const { networkSecurityGroup } = await calls.network.createNetworkSecurityGroup({
    createNetworkSecurityGroupDetails: details,
  });
  return networkSecurityGroup.id;
}

/** What is not ours, of lists and groups. */
function foreign({ cloud }: SecurityWorld): unknown {
  const isForeign = ({ description }: { readonly description?: string }) => parseMark(description) === undefined;
  return cloud.state.securityLists
    .all()
    .map(({ ingressSecurityRules, egressSecurityRules }) => [
      ingressSecurityRules.filter(isForeign).map(({ source, protocol }) => [source, protocol]),
      egressSecurityRules.filter(isForeign).map(({ destination, protocol }) => [destination, protocol]),
    ]);
}

test('whatever fails and whenever we are started anew, rules of others stay, each Service has its own, and in the end all is as it was', async () => {
  const random = seededRandom(SEED);
  const world = securityWorld();
  const { cloud, clock, nodes } = world;
  const groups = [
    await makeGroup({ calls: cloud.calls(), world: cloud.world }, 'nodes 1'),
    await makeGroup({ calls: cloud.calls(), world: cloud.world }, 'nodes 2'),
  ];
  const before = world.everything();
  const theirs = foreign(world);
  const wishes = new Map<string, SecurityAsked>();
  let { security } = world;
  let bare = nodePorts(random);
  for (let step = 0; step < STEPS; step++) {
    const where = `seed ${SEED}, step ${step}`;
    cloud.forget();
    if (randomBelow(random, 3) === 0) {
      cloud.fail({
        when: { nth: 1 + randomBelow(random, 8), times: 1 + randomBelow(random, 3) },
        how: one(random, HOWS),
      });
    }
    if (randomBelow(random, 4) === 0) security = world.again();
    await clock.advance(one(random, [0, 1_000, 70_000]));
    const next = Array.from({ length: 1 + randomBelow(random, 2) }, () => wish(random, cloud, groups));
    // The controller does one thing at a time for each Service.
    const each = new Map(next.map((one) => [one.service.name, one]));
    for (const one of each.values()) wishes.set(one.service.name, one);
    if (randomBelow(random, 3) === 0) bare = nodePorts(random);
    await Promise.allSettled([
      ...[...each.values()].map((one) => security.ensure(one, nodes)),
      security.ensureNodePorts(bare, nodes),
    ]);
    assert.deepEqual(foreign(world), theirs, where);
  }
  cloud.forget();
  const all = [...wishes.values()];
  for (const one of all) assert.equal((await security.ensure(one, nodes)).kind, 'open');
  await security.ensureNodePorts(bare, nodes);
  const settled = world.ours();
  // Only what the Services want now is there: another process, which knows nothing, finds nothing to do.
  const later = world.again();
  for (const one of all) await later.ensure(one, nodes);
  await later.ensureNodePorts(bare, nodes);
  assert.deepEqual(world.ours(), settled);
  const fresh = securityWorld();
  for (const name of ['nodes 1', 'nodes 2'])
    await makeGroup({ calls: fresh.cloud.calls(), world: fresh.cloud.world }, name);
  for (const one of all) await fresh.security.ensure({ ...one }, fresh.nodes);
  await fresh.security.ensureNodePorts(bare, fresh.nodes);
  assert.deepEqual(withoutOrder(settled), withoutOrder(fresh.ours()));
  for (const { service, backendGroups } of all) {
    assert.equal(await world.again().remove(service, { backendGroups }), 'removed');
  }
  await world.again().ensureNodePorts([], nodes);
  assert.deepEqual(world.everything(), before);
});

/** Owners are named in the order in which they came. */
function withoutOrder(ours: ReturnType<SecurityWorld['ours']>): unknown {
  const sortOwners = (rule: string) =>
    rule.replace(/\((.*)\)/, (_, owners: string) => `(${owners.split(', ').sort().join(', ')})`);
  return Object.fromEntries(Object.entries(ours).map(([name, rules]) => [name, rules.map(sortOwners).sort()]));
}
