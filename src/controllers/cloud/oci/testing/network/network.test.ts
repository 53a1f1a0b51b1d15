import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refused } from '../refused.ts';
import { TestCloud } from '../test-cloud.ts';
import { reservePublicIp } from '../world.ts';

const OPEN = { protocol: '6', source: '0.0.0.0/0', tcpOptions: { destinationPortRange: { min: 80, max: 80 } } };

function listOf(cloud: TestCloud) {
  const securityListId = cloud.world.securityLists[cloud.world.subnet1] ?? '';
  return { securityListId, network: cloud.calls().network };
}

test('rules that are given take the place of all of their direction, and those of the other stay', async () => {
  const { securityListId, network } = listOf(new TestCloud());
  const { securityList: before, etag } = await network.getSecurityList({ securityListId });
  const ingressSecurityRules = [...before.ingressSecurityRules, OPEN];
  const { securityList } = await network.updateSecurityList({
    securityListId,
    ifMatch: etag,
    updateSecurityListDetails: { ingressSecurityRules },
  });
  assert.deepEqual(securityList.ingressSecurityRules, [
    ...before.ingressSecurityRules,
    { ...OPEN, isStateless: false, sourceType: 'CIDR_BLOCK' },
  ]);
  assert.deepEqual(securityList.egressSecurityRules, before.egressSecurityRules);
});

test('what is sent back as it came, nulls included, changes nothing', async () => {
  const cloud = new TestCloud();
  const { securityListId, network } = listOf(cloud);
  const before = cloud.state.securityLists.get(securityListId);
  const nulls = { udpOptions: null, description: null };
  const rules = before?.ingressSecurityRules.map((rule) => ({ ...nulls, ...rule }));
  const details = { displayName: null, egressSecurityRules: null, ingressSecurityRules: rules };
  await network.updateSecurityList({ securityListId, updateSecurityListDetails: details as never });
  assert.deepEqual(cloud.state.securityLists.get(securityListId), before);
});

test('of two that change a list at once the later is told', async () => {
  const { securityListId, network } = listOf(new TestCloud());
  const { etag: ifMatch } = await network.getSecurityList({ securityListId });
  const change = () =>
    network.updateSecurityList({
      securityListId,
      ifMatch,
      updateSecurityListDetails: { ingressSecurityRules: [OPEN] },
    });
  await change();
  await assert.rejects(change(), refused(412, 'NoEtagMatch'));
});

test('a list has its limit, and rules that say nonsense are refused', async () => {
  const { securityListId, network } = listOf(new TestCloud({ limits: { rulesPerSecurityList: 3 } }));
  const update = (ingressSecurityRules: readonly object[]) =>
    network.updateSecurityList({
      securityListId,
      updateSecurityListDetails: { ingressSecurityRules: ingressSecurityRules as readonly (typeof OPEN)[] },
    });
  await update([OPEN, OPEN, OPEN]);
  await assert.rejects(update([OPEN, OPEN, OPEN, OPEN]), refused(400, 'LimitExceeded', /4 ingress and 1 egress/));
  const wrong: [object, RegExp][] = [
    [{ ...OPEN, protocol: 'tcp' }, /protocol "tcp" does not match/],
    [{ ...OPEN, protocol: '17' }, /has tcpOptions with protocol 17/],
    [{ ...OPEN, source: '10.0.0.1/8' }, /has bits after its prefix/],
    [{ ...OPEN, tcpOptions: { destinationPortRange: { min: 9, max: 8 } } }, /min 9 above max 8/],
    [{ ...OPEN, note: 'x' }, /note is not a field/],
    [{ ...OPEN, description: 'x'.repeat(256) }, /1 to 255 characters/],
  ];
  for (const [rule, message] of wrong) await assert.rejects(update([rule]), refused(400, 'InvalidParameter', message));
});

test('the rules of a group are added, changed and removed by their ids, within its limits', async () => {
  const cloud = new TestCloud({ limits: { rulesPerNetworkSecurityGroup: 3, rulesPerNetworkSecurityGroupCall: 2 } });
  const { network } = cloud.calls();
  const { compartmentId, vcnId } = cloud.world;
  const { networkSecurityGroup } = await network.createNetworkSecurityGroup({
    createNetworkSecurityGroupDetails: { compartmentId, vcnId, displayName: 'web' },
  });
  const { id: networkSecurityGroupId } = networkSecurityGroup;
  const rule = { ...OPEN, sourceType: 'CIDR_BLOCK', direction: 'INGRESS' } as const;
  const add = (count: number) =>
    network.addNetworkSecurityGroupSecurityRules({
      networkSecurityGroupId,
      addNetworkSecurityGroupSecurityRulesDetails: { securityRules: Array.from({ length: count }, () => rule) },
    });
  const { addedNetworkSecurityGroupSecurityRules } = await add(2);
  const [first, second] = addedNetworkSecurityGroupSecurityRules.securityRules ?? [];
  await assert.rejects(add(3), refused(400, 'InvalidParameter', /3 rules in one call/));
  await assert.rejects(add(2), refused(400, 'LimitExceeded'));
  await network.removeNetworkSecurityGroupSecurityRules({
    networkSecurityGroupId,
    removeNetworkSecurityGroupSecurityRulesDetails: { securityRuleIds: [first?.id ?? ''] },
  });
  await network.updateNetworkSecurityGroupSecurityRules({
    networkSecurityGroupId,
    updateNetworkSecurityGroupSecurityRulesDetails: {
      securityRules: [{ ...rule, id: second?.id ?? '', description: 'ours' }],
    },
  });
  const { items } = await network.listNetworkSecurityGroupSecurityRules({
    networkSecurityGroupId,
    direction: 'INGRESS',
  });
  assert.deepEqual(
    items.map(({ id, description }) => [id, description]),
    [[second?.id, 'ours']],
  );
});

test('a rule of a group says its direction, and of which type its other end is', async () => {
  const cloud = new TestCloud();
  const { network } = cloud.calls();
  const { compartmentId, vcnId } = cloud.world;
  const made = await network.createNetworkSecurityGroup({
    createNetworkSecurityGroupDetails: { compartmentId, vcnId },
  });
  const { id: networkSecurityGroupId } = made.networkSecurityGroup;
  const add = (...securityRules: readonly object[]) =>
    network.addNetworkSecurityGroupSecurityRules({
      networkSecurityGroupId,
      addNetworkSecurityGroupSecurityRulesDetails: { securityRules: securityRules as never[] },
    });
  const other = networkSecurityGroupId.replace(/.$/, 'z');
  const wrong: [readonly object[], string, RegExp][] = [
    [[], 'InvalidParameter', /0 items, and may have 1/],
    [[OPEN], 'MissingParameter', /direction is missing/],
    [[{ ...OPEN, direction: 'INGRESS' }], 'InvalidParameter', /INGRESS without sourceType/],
    [[{ ...OPEN, direction: 'EGRESS', destinationType: 'CIDR_BLOCK' }], 'InvalidParameter', /EGRESS with a source/],
    [
      [{ protocol: 'all', direction: 'INGRESS', sourceType: 'NETWORK_SECURITY_GROUP', source: other }],
      'RelatedResourceNotAuthorizedOrNotFound',
      /not found/,
    ],
  ];
  for (const [rules, code, message] of wrong) await assert.rejects(add(...rules), refused(400, code, message));
});

test('a group goes once nothing is in it', async () => {
  const cloud = new TestCloud({ nodes: ['one'] });
  const { network } = cloud.calls();
  const { compartmentId, vcnId } = cloud.world;
  const made = await network.createNetworkSecurityGroup({
    createNetworkSecurityGroupDetails: { compartmentId, vcnId },
  });
  const { id: networkSecurityGroupId } = made.networkSecurityGroup;
  const { vnicId = '' } = cloud.nodes[0] ?? {};
  const vnic = cloud.state.vnics.get(vnicId);
  assert.ok(vnic);
  const join = (nsgIds: readonly string[]) => cloud.state.vnics.put({ ...vnic, nsgIds });
  join([networkSecurityGroupId]);
  await assert.rejects(network.deleteNetworkSecurityGroup({ networkSecurityGroupId }), refused(409, 'Conflict'));
  join([]);
  await network.deleteNetworkSecurityGroup({ networkSecurityGroupId });
  await assert.rejects(
    network.deleteNetworkSecurityGroup({ networkSecurityGroupId }),
    refused(404, 'NotAuthorizedOrNotFound'),
  );
});

test('a node is an instance, an attachment and a VNIC, and each is found from the other', async () => {
  const cloud = new TestCloud({ nodes: ['one', 'two'] });
  const { compute, network } = cloud.calls();
  const { compartmentId } = cloud.world;
  const { instanceId = '' } = cloud.nodes[1] ?? {};
  const { instance } = await compute.getInstance({ instanceId });
  const { items } = await compute.listVnicAttachments({ compartmentId, instanceId: instance.id });
  const { vnic } = await network.getVnic({ vnicId: items[0]?.vnicId ?? '' });
  assert.deepEqual([vnic.privateIp, vnic.ipv6Addresses], ['10.0.0.11', ['2001:db8:100::b']]);
  await assert.rejects(
    compute.listVnicAttachments({ compartmentId: compartmentId.replace(/.$/, 'z') }),
    refused(404, 'NotAuthorizedOrNotFound'),
  );
  await assert.rejects(compute.listVnicAttachments({ compartmentId: '' }), refused(400, 'InvalidParameter'));
});

test('a public address is found by itself', async () => {
  const cloud = new TestCloud();
  const { network } = cloud.calls();
  const { id } = reservePublicIp(cloud.state, '203.0.113.7');
  const ask = (ipAddress: string) => network.getPublicIpByIpAddress({ getPublicIpByIpAddressDetails: { ipAddress } });
  assert.equal((await ask('203.0.113.7')).publicIp.id, id);
  await assert.rejects(ask('203.0.113.8'), refused(404, 'NotAuthorizedOrNotFound'));
});
