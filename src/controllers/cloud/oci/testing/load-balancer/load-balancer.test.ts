import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../../../../host/clock.ts';
import type { OciCalls } from '../../calls.ts';
import { refused } from '../refused.ts';
import { TestCloud, type TestCloudOptions } from '../test-cloud.ts';
import { addSubnet, reservePublicIp } from '../world.ts';

type Create = Parameters<OciCalls['loadBalancer']['createLoadBalancer']>[0]['createLoadBalancerDetails'];

const HOUR = 60 * 60 * 1000;
const HEALTH = { protocol: 'HTTP', urlPath: '/healthz', port: 10256 };

function cloud(options: TestCloudOptions = {}) {
  const server = new TestCloud(options);
  const { loadBalancer } = server.calls();
  const details = (more: Partial<Create> = {}): Create => ({
    compartmentId: server.world.compartmentId,
    displayName: 'web',
    shapeName: 'flexible',
    shapeDetails: { minimumBandwidthInMbps: 10, maximumBandwidthInMbps: 100 },
    subnetIds: [server.world.subnet1],
    listeners: { 'TCP-80': { defaultBackendSetName: 'TCP-80', port: 80, protocol: 'TCP' } },
    backendSets: { 'TCP-80': { policy: 'ROUND_ROBIN', healthChecker: HEALTH } },
    ...more,
  });
  const create = (more?: Partial<Create>, opcRetryToken?: string) =>
    loadBalancer.createLoadBalancer({
      createLoadBalancerDetails: details(more),
      ...(opcRetryToken === undefined ? {} : { opcRetryToken }),
    });
  /** One that works. */
  const made = async (more?: Partial<Create>) => {
    await create(more);
    server.state.work.finishAll();
    const id = server.state.loadBalancers.all().at(-1)?.id;
    if (id === undefined) throw new Error('nothing was made');
    return id;
  };
  return { server, loadBalancer, details, create, made };
}

test('a load balancer is CREATING until its work has succeeded, and then has its addresses', async () => {
  const { server, loadBalancer, create } = cloud();
  const { opcWorkRequestId: workRequestId } = await create();
  const states = [];
  for (let look = 0; look < 2; look += 1) {
    const { workRequest } = await loadBalancer.getWorkRequest({ workRequestId });
    const loadBalancerId = workRequest.loadBalancerId;
    const found = server.state.loadBalancers.get(loadBalancerId);
    states.push([workRequest.lifecycleState, found?.lifecycleState, found?.ipAddresses?.length]);
  }
  assert.deepEqual(states, [
    ['IN_PROGRESS', 'CREATING', undefined],
    ['SUCCEEDED', 'ACTIVE', 1],
  ]);
});

test('with IPv6 there is an address of each family, and a private one is of its subnet', async () => {
  const { server, made } = cloud();
  const both = server.state.loadBalancers.get(await made({ ipMode: 'IPV6' }));
  assert.deepEqual(
    both?.ipAddresses?.map(({ ipAddress, isPublic }) => [ipAddress.includes(':'), isPublic]),
    [
      [false, true],
      [true, true],
    ],
  );
  const inner = server.state.loadBalancers.get(await made({ isPrivate: true, subnetIds: [server.world.subnet1] }));
  assert.match(inner?.ipAddresses?.[0]?.ipAddress ?? '', /^10\.0\.(1[6-9]|2\d|3[01])\./);
});

test('what the API does not say is refused: fields, names, ranges, and what is missing', async () => {
  const { server, create } = cloud();
  const both = [server.world.subnet1, server.world.subnet2];
  const elevenTags = Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`tag${n}`, 'x']));
  const cases: [Record<string, unknown>, string, RegExp][] = [
    [{ colour: 'red' }, 'InvalidParameter', /colour is not a field/],
    [{ displayName: undefined }, 'MissingParameter', /displayName is missing/],
    [{ shapeDetails: undefined }, 'InvalidParameter', /flexible and has no shapeDetails/],
    [{ subnetIds: ['lb1'] }, 'InvalidParameter', /subnetIds\[0\].*does not match/],
    [{ backendSets: { 'no spaces': {} } }, 'InvalidParameter', /"no spaces" does not match/],
    [
      { listeners: { a: { defaultBackendSetName: 'TCP-80', port: 0, protocol: 'UDP' } } },
      'InvalidParameter',
      /port is to be a whole number from 1 to 65535.*one of HTTP, HTTP2, TCP, GRPC/,
    ],
    [
      { listeners: { a: { defaultBackendSetName: 'other', port: 1, protocol: 'TCP' } } },
      'InvalidParameter',
      /backend set other, which is not there/,
    ],
    [{ freeformTags: elevenTags }, 'InvalidParameter', /11 entries, and may have 10/],
    [{ isPrivate: true, subnetIds: both }, 'InvalidParameter', /private load balancer is in one subnet/],
    [{ subnetIds: both }, 'InvalidParameter', /one regional subnet, or in two/],
  ];
  for (const [more, code, message] of cases)
    await assert.rejects(create(more as Partial<Create>), refused(400, code, message));
  assert.deepEqual(server.state.loadBalancers.all(), []);
});

test('a public one is in a regional subnet, or in two of different availability domains', async () => {
  const { server, create } = cloud();
  const { vcnId } = server.world;
  const subnet = (name: string, availabilityDomain: string, cidrBlock?: string) =>
    addSubnet(server.state, { vcnId, name, availabilityDomain, ...(cidrBlock === undefined ? {} : { cidrBlock }) }).id;
  const [one, two, same] = [
    subnet('one', 'AD-1', '10.0.64.0/24'),
    subnet('two', 'AD-2', '10.0.65.0/24'),
    subnet('same', 'AD-1', '10.0.66.0/24'),
  ];
  await create({ subnetIds: [one, two] });
  for (const subnetIds of [[one], [one, same], [one, server.world.subnet1], []]) {
    await assert.rejects(create({ subnetIds }), refused(400, 'InvalidParameter', /one regional subnet, or in two/));
  }
  const six = subnet('six', 'AD-3');
  await assert.rejects(create({ subnetIds: [one, six] }), refused(400, 'InvalidParameter', /no IPv4 prefix/));
});

test('one thing is done to a load balancer at a time', async () => {
  const { server, loadBalancer, made } = cloud({ pace: { kind: 'manual' } });
  const loadBalancerId = await made();
  const change = (displayName: string) =>
    loadBalancer.updateLoadBalancer({ loadBalancerId, updateLoadBalancerDetails: { displayName } });
  await change('first');
  await assert.rejects(change('second'), refused(409, 'Conflict'));
  await assert.rejects(loadBalancer.deleteLoadBalancer({ loadBalancerId }), refused(409, 'IncorrectState'));
  server.state.work.finishAll();
  assert.equal(server.state.loadBalancers.get(loadBalancerId)?.displayName, 'first');
});

test('the same request with the same retry token makes one load balancer for a day, and the token ends with it', async () => {
  const clock = new FakeClock();
  const { server, loadBalancer, create } = cloud({ clock, pace: { kind: 'polls', count: 0 } });
  const first = await create({}, 'uid-1');
  assert.equal((await create({}, 'uid-1')).opcWorkRequestId, first.opcWorkRequestId);
  assert.equal(server.state.loadBalancers.all().length, 1);
  await clock.advance(23 * HOUR);
  await assert.rejects(create({ displayName: 'other' }, 'uid-1'), refused(409, 'InvalidatedRetryToken'));
  const [made] = server.state.loadBalancers.all();
  await loadBalancer.deleteLoadBalancer({ loadBalancerId: made?.id ?? '' });
  await assert.rejects(create({}, 'uid-1'), refused(409, 'InvalidatedRetryToken'));
  await clock.advance(HOUR);
  await create({}, 'uid-1');
});

test('work that fails leaves a new load balancer FAILED, and an old one as it was', async () => {
  const { server, loadBalancer, create, made } = cloud({ pace: { kind: 'polls', count: 0 } });
  const loadBalancerId = await made();
  server.state.work.failNext('UpdateListener', { code: 'BAD_INPUT', message: 'no' });
  const { opcWorkRequestId } = await loadBalancer.updateListener({
    loadBalancerId,
    listenerName: 'TCP-80',
    updateListenerDetails: { defaultBackendSetName: 'TCP-80', port: 81, protocol: 'TCP' },
  });
  const { workRequest } = await loadBalancer.getWorkRequest({ workRequestId: opcWorkRequestId });
  assert.deepEqual(
    [workRequest.lifecycleState, workRequest.errorDetails],
    ['FAILED', [{ errorCode: 'BAD_INPUT', message: 'no' }]],
  );
  assert.equal(server.state.loadBalancers.get(loadBalancerId)?.listeners?.['TCP-80']?.port, 80);
  server.state.work.failNext('*', { code: 'INTERNAL_ERROR', message: 'no' });
  await create();
  assert.equal(server.state.loadBalancers.all().at(-1)?.lifecycleState, 'FAILED');
});

test('a backend set goes only after its listeners', async () => {
  const { server, loadBalancer, made } = cloud({ pace: { kind: 'polls', count: 0 } });
  const loadBalancerId = await made();
  const removed = () => loadBalancer.deleteBackendSet({ loadBalancerId, backendSetName: 'TCP-80' });
  await assert.rejects(removed(), refused(409, 'Conflict', /attached to TCP-80/));
  await loadBalancer.deleteListener({ loadBalancerId, listenerName: 'TCP-80' });
  await removed();
  await assert.rejects(removed(), refused(404, 'NotAuthorizedOrNotFound'));
  assert.deepEqual(server.state.loadBalancers.get(loadBalancerId)?.backendSets, {});
});

test('a change that says an etag is refused once the load balancer has another', async () => {
  const { loadBalancer, made } = cloud({ pace: { kind: 'polls', count: 0 } });
  const loadBalancerId = await made();
  const { eTag: ifMatch } = await loadBalancer.getLoadBalancer({ loadBalancerId });
  const change = () =>
    loadBalancer.updateLoadBalancer({ loadBalancerId, ifMatch, updateLoadBalancerDetails: { displayName: 'new' } });
  await change();
  await assert.rejects(change(), refused(412, 'NoEtagMatch'));
});

test('there are as many as the limit and the quota allow, and none that are deleted count', async () => {
  const { server, loadBalancer, create } = cloud({ limits: { loadBalancers: 1 }, pace: { kind: 'polls', count: 0 } });
  await create();
  await assert.rejects(create(), refused(400, 'LimitExceeded'));
  await loadBalancer.deleteLoadBalancer({ loadBalancerId: server.state.loadBalancers.all()[0]?.id ?? '' });
  server.state.quota = 0;
  await assert.rejects(create(), refused(400, 'QuotaExceeded'));
  server.state.quota = undefined;
  await create();
});

test('a reserved address is taken, refused to others, and free again afterwards', async () => {
  const { server, loadBalancer, create, made } = cloud({ pace: { kind: 'polls', count: 0 } });
  const { id = '' } = reservePublicIp(server.state, '203.0.113.9');
  const loadBalancerId = await made({ reservedIps: [{ id }] });
  const { loadBalancer: found } = await loadBalancer.getLoadBalancer({ loadBalancerId });
  assert.deepEqual(found.ipAddresses, [{ ipAddress: '203.0.113.9', isPublic: true, reservedIp: { id } }]);
  await assert.rejects(create({ reservedIps: [{ id }] }), refused(409, 'Conflict'));
  await loadBalancer.deleteLoadBalancer({ loadBalancerId });
  assert.equal(server.state.publicIps.get(id)?.lifecycleState, 'UNASSIGNED');
  assert.equal(server.state.loadBalancers.get(loadBalancerId)?.lifecycleState, 'DELETED');
});

test('lists come in pages, and say where the next begins', async () => {
  const { server, loadBalancer, create } = cloud({ pageSize: 2, pace: { kind: 'polls', count: 0 } });
  for (const displayName of ['a', 'b', 'c']) await create({ displayName });
  const { compartmentId } = server.world;
  const first = await loadBalancer.listLoadBalancers({ compartmentId });
  const second = await loadBalancer.listLoadBalancers({ compartmentId, page: first.opcNextPage });
  assert.deepEqual(
    [...first.items, ...second.items].map(({ displayName }) => displayName),
    ['a', 'b', 'c'],
  );
  assert.equal(second.opcNextPage, undefined);
  await assert.rejects(loadBalancer.listLoadBalancers({ compartmentId, page: 'x' }), refused(400, 'InvalidParameter'));
});

test('lists can be behind', async () => {
  const { server, loadBalancer, create } = cloud({ lag: 2 });
  await create();
  const { compartmentId } = server.world;
  const counts = [];
  for (let n = 0; n < 3; n += 1) counts.push((await loadBalancer.listLoadBalancers({ compartmentId })).items.length);
  assert.deepEqual(counts, [0, 0, 1]);
});
