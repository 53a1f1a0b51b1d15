import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { silentLogger } from '../../../../host/log.ts';
import type { OciCalls } from '../calls.ts';
import { readOciConfig } from '../config/read.ts';
import { startOciCalls } from '../sdk/sdk.ts';
import { refused } from './refused.ts';
import { type OciServer, type OciServerOptions, startOciServer } from './server.ts';

/** A server, and Oracle's SDK before it. */
function world(options: OciServerOptions) {
  const ended = new AbortController();
  const made = {} as { server: OciServer; calls: OciCalls };
  before(async () => {
    made.server = await startOciServer(options);
    made.calls = await startOciCalls(made.server.config(), { log: silentLogger }, ended.signal);
  });
  after(async () => {
    ended.abort();
    await made.server.stop();
  });
  return made;
}

const HEALTH = { protocol: 'HTTP', urlPath: '/healthz', port: 10256, returnCode: 200 } as const;

describe("the test cloud before Oracle's SDK", () => {
  const w = world({ nodes: ['one', 'two'], pageSize: 1, pace: { kind: 'polls', count: 0 } });

  it('takes the load balancers that the SDK sends, and their whole life', async () => {
    const { loadBalancer } = w.calls;
    const { compartmentId, subnet1 } = w.server.world;
    const { opcWorkRequestId: workRequestId } = await loadBalancer.createLoadBalancer({
      createLoadBalancerDetails: {
        compartmentId,
        displayName: 'web + more',
        shapeName: 'flexible',
        shapeDetails: { minimumBandwidthInMbps: 10, maximumBandwidthInMbps: 10 },
        subnetIds: [subnet1],
        freeformTags: { 'postern.dev/service': 'default/web' },
      },
    });
    const { workRequest } = await loadBalancer.getWorkRequest({ workRequestId });
    assert.deepEqual([workRequest.lifecycleState, workRequest.timeAccepted instanceof Date], ['SUCCEEDED', true]);
    const { loadBalancerId } = workRequest;
    const backend = { ipAddress: '10.0.0.10', port: 30080 };
    await loadBalancer.createBackendSet({
      loadBalancerId,
      createBackendSetDetails: { name: 'TCP-80', policy: 'ROUND_ROBIN', healthChecker: HEALTH, backends: [backend] },
    });
    const listener = { defaultBackendSetName: 'TCP-80', port: 80, protocol: 'TCP' };
    await loadBalancer.createListener({ loadBalancerId, createListenerDetails: { ...listener, name: 'TCP-80' } });
    await loadBalancer.updateBackendSet({
      loadBalancerId,
      backendSetName: 'TCP-80',
      updateBackendSetDetails: { policy: 'IP_HASH', healthChecker: HEALTH, backends: [] },
    });
    await loadBalancer.updateListener({
      loadBalancerId,
      listenerName: 'TCP-80',
      updateListenerDetails: { ...listener, connectionConfiguration: { idleTimeout: 60 } },
    });
    await loadBalancer.updateLoadBalancerShape({
      loadBalancerId,
      updateLoadBalancerShapeDetails: {
        shapeName: 'flexible',
        shapeDetails: { minimumBandwidthInMbps: 20, maximumBandwidthInMbps: 30 },
      },
    });
    const { items } = await loadBalancer.listLoadBalancers({ compartmentId, displayName: 'web + more' });
    const [found] = items;
    assert.equal(found?.listeners?.['TCP-80']?.connectionConfiguration?.idleTimeout, 60);
    assert.equal(found?.backendSets?.['TCP-80']?.policy, 'IP_HASH');
    assert.equal(found?.shapeDetails?.maximumBandwidthInMbps, 30);
    await loadBalancer.deleteListener({ loadBalancerId, listenerName: 'TCP-80' });
    await loadBalancer.deleteBackendSet({ loadBalancerId, backendSetName: 'TCP-80' });
    await loadBalancer.deleteLoadBalancer({ loadBalancerId });
    assert.equal((await loadBalancer.getLoadBalancer({ loadBalancerId })).loadBalancer.lifecycleState, 'DELETED');
  });

  it('takes network load balancers likewise', async () => {
    const { networkLoadBalancer: calls } = w.calls;
    const { compartmentId, subnet1: subnetId } = w.server.world;
    const { networkLoadBalancer } = await calls.createNetworkLoadBalancer({
      createNetworkLoadBalancerDetails: {
        compartmentId,
        subnetId,
        displayName: 'dns',
        isPrivate: false,
        listeners: { dns: { name: 'dns', defaultBackendSetName: 'dns', port: 53, protocol: 'TCP_AND_UDP' } },
        backendSets: { dns: { policy: 'FIVE_TUPLE', healthChecker: HEALTH, backends: [] } },
      },
    });
    const { id: networkLoadBalancerId } = networkLoadBalancer;
    const { instanceId: targetId = '' } = w.server.nodes[0] ?? {};
    await calls.updateBackendSet({
      networkLoadBalancerId,
      backendSetName: 'dns',
      updateBackendSetDetails: { backends: [{ targetId, port: 30053, weight: 1 }] },
    });
    const { opcWorkRequestId: workRequestId } = await calls.updateListener({
      networkLoadBalancerId,
      listenerName: 'dns',
      updateListenerDetails: { isPpv2Enabled: true },
    });
    assert.equal((await calls.getWorkRequest({ workRequestId })).workRequest.operationType, 'UPDATE_LISTENER');
    const { networkLoadBalancer: found } = await calls.getNetworkLoadBalancer({ networkLoadBalancerId });
    assert.equal(found.listeners?.['dns']?.isPpv2Enabled, true);
    assert.equal(found.backendSets?.['dns']?.backends?.[0]?.targetId, targetId);
  });

  it('takes security lists and groups as the SDK sends them, etags included', async () => {
    const { network } = w.calls;
    const { compartmentId, vcnId, securityLists, subnet1 } = w.server.world;
    const securityListId = securityLists[subnet1] ?? '';
    const { securityList, etag: ifMatch } = await network.getSecurityList({ securityListId });
    const rule = { protocol: '6', source: '2001:db8::/32', tcpOptions: { destinationPortRange: { min: 80, max: 81 } } };
    const write = () =>
      network.updateSecurityList({
        securityListId,
        ifMatch,
        updateSecurityListDetails: { ingressSecurityRules: [...securityList.ingressSecurityRules, rule] },
      });
    assert.equal((await write()).securityList.ingressSecurityRules.length, 4);
    await assert.rejects(write(), refused(412, 'NoEtagMatch'));
    const { networkSecurityGroup } = await network.createNetworkSecurityGroup({
      createNetworkSecurityGroupDetails: { compartmentId, vcnId },
    });
    const { id: networkSecurityGroupId } = networkSecurityGroup;
    await network.addNetworkSecurityGroupSecurityRules({
      networkSecurityGroupId,
      addNetworkSecurityGroupSecurityRulesDetails: {
        securityRules: [{ ...rule, sourceType: 'CIDR_BLOCK', direction: 'INGRESS' }],
      },
    });
    const { items } = await network.listNetworkSecurityGroupSecurityRules({ networkSecurityGroupId });
    await network.removeNetworkSecurityGroupSecurityRules({
      networkSecurityGroupId,
      removeNetworkSecurityGroupSecurityRulesDetails: { securityRuleIds: [items[0]?.id ?? ''] },
    });
    await network.deleteNetworkSecurityGroup({ networkSecurityGroupId });
  });

  it('gives lists in pages that the SDK can go on with', async () => {
    const { compute } = w.calls;
    const { compartmentId } = w.server.world;
    const first = await compute.listVnicAttachments({ compartmentId });
    const second = await compute.listVnicAttachments({ compartmentId, page: first.opcNextPage, limit: 1 });
    assert.deepEqual(
      [first, second].map(({ items }) => items.map(({ instanceId }) => instanceId)),
      w.server.nodes.map(({ instanceId }) => [instanceId]),
    );
  });

  it('can say half of its answer, or nothing, though it is done', async () => {
    const [securityListId = ''] = w.server.state.securityLists.all().map(({ id }) => id);
    const change = (displayName: string) =>
      w.calls.network.updateSecurityList({ securityListId, updateSecurityListDetails: { displayName } });
    for (const [how, code, isDone] of [
      ['drop', 'Unreachable', false],
      ['drop-after-doing', 'Unreachable', true],
      ['half', 'Unreachable', true],
    ] as const) {
      const fault = w.server.fail({ when: { call: 'updateSecurityList' }, how });
      await assert.rejects(change(how), { name: 'OciError', status: undefined, code });
      assert.equal(w.server.state.securityLists.get(securityListId)?.displayName === how, isDone, how);
      assert.equal(fault.met(), 1);
    }
    w.server.fail({ when: { method: 'PUT' }, how: { status: 429, code: 'TooManyRequests', retryAfter: 2 } });
    await assert.rejects(change('later'), { status: 429, code: 'TooManyRequests', retryAfter: 2000 });
  });

  it('knows nobody while its clock is more than five minutes ahead', async () => {
    const { subnet1: subnetId } = w.server.world;
    w.server.skew = 6 * 60 * 1000;
    await assert.rejects(w.calls.network.getSubnet({ subnetId }), refused(401, 'NotAuthenticated', /too far from now/));
    assert.deepEqual([w.server.requests.at(-1)?.status, w.server.requests.at(-1)?.code], [401, 'NotAuthenticated']);
    w.server.skew = 4 * 60 * 1000;
    await w.calls.network.getSubnet({ subnetId });
    w.server.skew = 0;
  });

  it('writes the configuration that reaches it, readable by its owner alone, and takes it away', async () => {
    const path = await w.server.configFile();
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const { credentials, compartment, loadBalancer } = await readOciConfig(path);
    assert.deepEqual(
      [credentials.kind, compartment, loadBalancer.subnet1],
      ['api-key', w.server.world.compartmentId, w.server.world.subnet1],
    );
    const other = await startOciServer();
    const gone = await other.configFile({ compartment: undefined });
    await other.stop();
    assert.equal(existsSync(gone), false);
  });
});

describe('the test cloud before an instance of its own', () => {
  const w = world({ as: 'instance-principal' });

  it('gives a token for its certificate, and another once that is withdrawn', async () => {
    const { subnet1: subnetId } = w.server.world;
    await w.calls.network.getSubnet({ subnetId });
    await w.calls.network.getSubnet({ subnetId });
    assert.equal(w.server.identity?.given, 1);
    w.server.identity?.withdraw();
    await w.calls.network.getSubnet({ subnetId });
    assert.equal(w.server.identity?.given, 2);
  });

  it('leaves those without an answer to whom it gives none, until it stops', async () => {
    const { subnet1: subnetId } = w.server.world;
    const fault = w.server.fail({ how: 'timeout', when: { times: 2 } });
    const asked = w.calls.network.getSubnet({ subnetId });
    while (fault.met() === 0) await new Promise((resolve) => setImmediate(resolve));
    await w.server.stop();
    await assert.rejects(asked, { name: 'OciError', status: undefined, code: 'Unreachable' });
  });
});
