import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OciCalls } from '../../calls.ts';
import { refused } from '../refused.ts';
import { TestCloud, type TestCloudOptions } from '../test-cloud.ts';

type Create = Parameters<
  OciCalls['networkLoadBalancer']['createNetworkLoadBalancer']
>[0]['createNetworkLoadBalancerDetails'];

const HEALTH = { protocol: 'HTTP', urlPath: '/healthz', port: 10256, returnCode: 200 } as const;

function cloud(options: TestCloudOptions = {}) {
  const server = new TestCloud({ pace: { kind: 'polls', count: 0 }, nodes: ['one'], ...options });
  const { networkLoadBalancer: calls } = server.calls();
  const create = (more: Partial<Create> = {}) =>
    calls.createNetworkLoadBalancer({
      createNetworkLoadBalancerDetails: {
        compartmentId: server.world.compartmentId,
        displayName: 'dns',
        isPrivate: false,
        subnetId: server.world.subnet1,
        listeners: { udp: { name: 'udp', defaultBackendSetName: 'udp', port: 53, protocol: 'UDP' } },
        backendSets: {
          udp: { policy: 'FIVE_TUPLE', healthChecker: HEALTH, backends: [{ ipAddress: '10.0.0.10', port: 30053 }] },
        },
        ...more,
      },
    });
  const made = async (more?: Partial<Create>) => {
    const { networkLoadBalancer } = await create(more);
    if (server.state.work.running(networkLoadBalancer.id) !== undefined) server.state.work.finishAll();
    return networkLoadBalancer.id;
  };
  return { server, calls, create, made };
}

test('the answer to a creation has the load balancer, and its work request ends with its addresses', async () => {
  const { server, calls, create } = cloud({ pace: { kind: 'polls', count: 1 } });
  const { networkLoadBalancer, opcWorkRequestId: workRequestId } = await create();
  assert.deepEqual([networkLoadBalancer.lifecycleState, networkLoadBalancer.ipAddresses], ['CREATING', []]);
  await calls.getWorkRequest({ workRequestId });
  const { workRequest } = await calls.getWorkRequest({ workRequestId });
  assert.deepEqual([workRequest.status, workRequest.resources[0]?.actionType], ['SUCCEEDED', 'CREATED']);
  const { networkLoadBalancerCollection } = await calls.listNetworkLoadBalancers({
    compartmentId: server.world.compartmentId,
    displayName: 'dns',
  });
  assert.deepEqual(
    networkLoadBalancerCollection.items?.[0]?.ipAddresses.map(({ isPublic, ipVersion }) => [isPublic, ipVersion]),
    [
      [true, 'IPV4'],
      [false, 'IPV4'],
    ],
  );
});

test('with two families there is an address of each, and listeners are of what the load balancer has', async () => {
  const { server, create, made } = cloud();
  const found = server.state.networkLoadBalancers.get(await made({ nlbIpVersion: 'IPV4_AND_IPV6', isPrivate: true }));
  assert.deepEqual(
    found?.ipAddresses.map(({ ipVersion, isPublic }) => [ipVersion, isPublic]),
    [
      ['IPV4', false],
      ['IPV6', false],
    ],
  );
  const six = { udp: { policy: 'FIVE_TUPLE', ipVersion: 'IPV6', healthChecker: HEALTH } } as const;
  await assert.rejects(
    create({ backendSets: six }),
    refused(400, 'InvalidParameter', /IPV6, and the load balancer IPV4/),
  );
});

test('while it is UPDATING nothing else can be changed', async () => {
  const { server, calls, made } = cloud({ pace: { kind: 'manual' } });
  const networkLoadBalancerId = await made();
  const change = () =>
    calls.updateNetworkLoadBalancer({
      networkLoadBalancerId,
      updateNetworkLoadBalancerDetails: { displayName: 'other' },
    });
  await change();
  assert.equal(server.state.networkLoadBalancers.get(networkLoadBalancerId)?.lifecycleState, 'UPDATING');
  await assert.rejects(change(), refused(409, 'Conflict', /Invalid State Transition/));
  await assert.rejects(calls.deleteNetworkLoadBalancer({ networkLoadBalancerId }), refused(409, 'Conflict'));
  server.state.work.finishAll();
  assert.equal(server.state.networkLoadBalancers.get(networkLoadBalancerId)?.displayName, 'other');
});

test('an update of a backend set leaves what it does not say', async () => {
  const { server, calls, made } = cloud();
  const networkLoadBalancerId = await made();
  await calls.updateBackendSet({
    networkLoadBalancerId,
    backendSetName: 'udp',
    updateBackendSetDetails: { isPreserveSource: false },
  });
  const set = server.state.networkLoadBalancers.get(networkLoadBalancerId)?.backendSets?.['udp'];
  assert.deepEqual([set?.isPreserveSource, set?.policy, set?.backends?.length], [false, 'FIVE_TUPLE', 1]);
});

test('two listeners cannot have one port of one protocol, also by way of both protocols together', async () => {
  const { calls, made } = cloud();
  const networkLoadBalancerId = await made();
  const add = (name: string, protocol: 'TCP' | 'TCP_AND_UDP') =>
    calls.createListener({
      networkLoadBalancerId,
      createListenerDetails: { name, defaultBackendSetName: 'udp', port: 53, protocol },
    });
  await assert.rejects(add('both', 'TCP_AND_UDP'), refused(400, 'InvalidParameter', /same UDP 53/));
  await add('tcp', 'TCP');
  await assert.rejects(add('tcp', 'TCP'), refused(409, 'NotAuthorizedOrResourceAlreadyExists'));
});

test('errors of failed work are told, and a creation that failed can be deleted', async () => {
  const { server, calls, create } = cloud();
  server.state.work.failNext('CREATE_NETWORK_LOAD_BALANCER', { code: 'OutOfCapacity', message: 'none left' });
  const { networkLoadBalancer, opcWorkRequestId: workRequestId } = await create();
  const { compartmentId } = networkLoadBalancer;
  const { workRequestErrorCollection } = await calls.listWorkRequestErrors({ workRequestId, compartmentId });
  assert.deepEqual(
    workRequestErrorCollection.items?.map(({ code, message }) => [code, message]),
    [['OutOfCapacity', 'none left']],
  );
  const { id: networkLoadBalancerId } = networkLoadBalancer;
  assert.equal(server.state.networkLoadBalancers.get(networkLoadBalancerId)?.lifecycleState, 'FAILED');
  await calls.deleteNetworkLoadBalancer({ networkLoadBalancerId });
  await assert.rejects(
    calls.getNetworkLoadBalancer({ networkLoadBalancerId }),
    refused(404, 'NotAuthorizedOrNotFound'),
  );
});

test('a backend is named by its address or by an instance that is there', async () => {
  const { server, made, create } = cloud();
  const backends = (targetId: string) => ({
    udp: { policy: 'FIVE_TUPLE', healthChecker: HEALTH, backends: [{ targetId, port: 53 }] } as const,
  });
  const { instanceId = '' } = server.nodes[0] ?? {};
  const found = server.state.networkLoadBalancers.get(await made({ backendSets: backends(instanceId) }));
  assert.equal(found?.backendSets?.['udp']?.backends?.[0]?.name, `${instanceId}:53`);
  const gone = backends(instanceId.replace(/.$/, 'z'));
  await assert.rejects(create({ backendSets: gone }), refused(400, 'RelatedResourceNotAuthorizedOrNotFound'));
});
