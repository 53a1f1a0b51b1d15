/** Pools that are edited under traffic, and many Services at once. */
import assert from 'node:assert/strict';
import { Service } from '../../../src/api/core/v1/service.ts';
import { IPAddressPool } from '../../../src/api/metallb/v1beta1/ipaddresspool.ts';
import { answeredBy, answeredByOne } from './judges.ts';
import { advertisement, asking, METALLB, NAMESPACE, PORT, pool } from './objects.ts';
import type { Stories } from './stories.ts';
import type { Target } from './traffic.ts';
import type { World } from './world.ts';

const FAMILIES = ['IPv4', 'IPv6'] as const;
const STAYING = ['192.168.77.250', 'fd00:77::250'];
const LEAVING = ['192.168.77.251', 'fd00:77::251'];
const FREE = ['192.168.77.252', 'fd00:77::252'];
const COUNT = 200;

const targetsOf = (addresses: readonly string[], every: number): Target[] =>
  addresses.map((address) => ({ by: 'connections', address, port: PORT, every }));

const edited = (addresses: readonly string[], spec: object = {}) =>
  pool(
    'edited',
    addresses.map((address) => `${address}-${address}`),
    spec,
  );

/** Why a manifest was refused. */
async function refused(world: World, object: ReturnType<typeof pool>): Promise<string> {
  return world.apply(object).then(
    () => assert.fail('it was accepted'),
    (error: Error) => error.message,
  );
}

async function addressesNow(world: World, name: string): Promise<readonly string[]> {
  const { status } = await world.client.get(Service, { namespace: NAMESPACE, name });
  return (status?.loadBalancer?.ingress ?? []).map(({ ip = '' }) => ip);
}

async function untilAddresses(world: World, name: string, addresses: readonly string[]): Promise<void> {
  await world.eventually(`${name} has ${addresses.join(', ') || 'no address'}`, async () =>
    (await addressesNow(world, name)).join() === addresses.join() ? true : undefined,
  );
}

export function addresses(stories: Stories): void {
  const { story } = stories;

  story('pools that are edited under traffic take addresses only from Services that no longer fit', async () => {
    const { world } = stories;
    await world.apply(
      edited([...STAYING, ...LEAVING], { autoAssign: false }),
      advertisement('edited', { ipAddressPools: ['edited'] }),
    );
    await world.serve('staying', asking(STAYING));
    await world.serve('leaving', { annotations: { 'metallb.io/address-pool': 'edited' } });
    await untilAddresses(world, 'leaving', LEAVING);
    const targets = targetsOf([...STAYING, ...LEAVING], 10);
    const traffic = await world.traffic(targets);

    await world.apply(edited([...STAYING, ...LEAVING, ...FREE], { autoAssign: true, avoidBuggyIPs: true }));
    await world.apply(edited([...FREE, ...LEAVING, ...STAYING], { autoAssign: false }));
    assert.match(await refused(world, pool('thief', ['192.168.77.251/32'])), /overlap.*edited|edited.*overlap/i);
    assert.match(await refused(world, edited(['192.168.77.252-nonsense'])), /spec\.addresses\[0\].*nonsense/);
    await traffic.answeredBy(/./, targets);
    assert.deepEqual(traffic.lost(), [], 'of either, while both fit');

    await world.apply(edited([...STAYING, ...FREE], { autoAssign: false }));
    await untilAddresses(world, 'leaving', FREE);
    await answeredByOne(world, FREE);
    await answeredBy(world, LEAVING);
    await world.eventually('an Event tells of it', async () =>
      (await world.eventsOf('leaving')).some(({ reason }) => reason === 'ClearAssignment') ? true : undefined,
    );
    const isOfStaying = ({ target }: { readonly target: Target }) => STAYING.includes(target.address);
    assert.deepEqual(
      (await traffic.stop()).filter(isOfStaying).filter(({ answered }) => answered === undefined),
      [],
    );
  });

  story('a pool that is deleted takes its addresses along, and gives the same when it is made again', async () => {
    const { world } = stories;
    await world.client.delete(IPAddressPool, { namespace: METALLB, name: 'edited' });
    for (const name of ['staying', 'leaving']) await untilAddresses(world, name, []);
    await answeredBy(world, [...STAYING, ...FREE]);
    await world.apply(edited([...STAYING, ...FREE], { autoAssign: false }));
    await untilAddresses(world, 'staying', STAYING);
    await untilAddresses(world, 'leaving', FREE);
    await answeredByOne(world, [...STAYING, ...FREE]);
  });

  story(`${COUNT} Services at once have addresses of their own, and answer at them`, async () => {
    const { world } = stories;
    await world.apply(
      pool('many', ['192.168.78.0/24', 'fd00:77::1:0/112']),
      advertisement('many', { ipAddressPools: ['many'] }),
    );
    await world.at('client', ['ip', 'route', 'replace', '192.168.78.0/24', 'dev', 'eth0']);
    const names = Array.from({ length: COUNT }, (_, i) => `many-${i}`);
    await Promise.all(names.map((name) => world.makeService(name)));
    const assigned = await world.eventually(`${COUNT} Services have addresses`, async () => {
      const { items } = await world.client.list(Service, { namespace: NAMESPACE });
      const many = items.filter(({ metadata }) => metadata.name?.startsWith('many-'));
      const ips = many.flatMap(({ status }) => (status?.loadBalancer?.ingress ?? []).map(({ ip = '' }) => ip));
      return ips.length === COUNT * FAMILIES.length ? ips : undefined;
    });
    assert.equal(new Set(assigned).size, COUNT * FAMILIES.length);
    const traffic = await world.traffic(targetsOf(assigned, 1000));
    const nodes = new Set(
      (await traffic.stop()).filter(({ answered }) => answered !== undefined).map(({ word }) => word),
    );
    assert.deepEqual(
      [...nodes].sort(),
      world.nodes.map(({ name }) => name),
      'all nodes take their part',
    );
    await Promise.all(names.map((name) => world.client.delete(Service, { namespace: NAMESPACE, name })));
    await answeredBy(
      world,
      assigned.filter((_, i) => i % 50 === 0),
    );
  });
}
