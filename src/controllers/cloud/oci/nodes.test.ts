import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '../../../api/core/v1/node.ts';
import { FakeClock } from '../../../host/clock.ts';
import { silentLogger } from '../../../host/log.ts';
import { instanceOf } from './node-place.ts';
import { OciNodes } from './nodes.ts';
import { nodeAt } from './security/testing.ts';
import { TestCloud } from './testing/test-cloud.ts';
import { addSubnet } from './testing/world.ts';

function world({ nodes = ['n1', 'n2'], pageSize = 50 } = {}) {
  const clock = new FakeClock();
  const cloud = new TestCloud({ nodes, clock, pageSize });
  const { network, compute } = cloud.calls();
  const again = () =>
    new OciNodes({ network, compute, compartment: cloud.world.compartmentId, clock, log: silentLogger });
  return {
    cloud,
    clock,
    nodes: again(),
    again,
    count: (call: string) => cloud.requests.filter((one) => one.call === call).length,
  };
}

const named = (name: string, providerID: string, ...addresses: readonly string[]): Node => ({
  ...nodeAt(name, ...addresses),
  spec: { providerID },
});

test('the instance that a node names is told by its OCID, with or without oci://', () => {
  const id = 'ocid1.instance.oc1.phx.abc';
  assert.equal(instanceOf(`oci://${id}`), id);
  assert.equal(instanceOf(id), id);
  assert.equal(instanceOf('aws:///eu-west-1a/i-0123'), undefined);
  assert.equal(instanceOf('oci://ocid1.vnic.oc1.phx.abc'), undefined);
});

test('a node is found by the instance that it names', async () => {
  const { cloud, nodes } = world();
  const [{ instanceId = '', vnicId = '', privateIp = '' } = {}] = cloud.nodes;
  const place = await nodes.place(named('n1', `oci://${instanceId}`));
  assert.deepEqual(
    [place?.instance, place?.vnic, place?.subnet, place?.privateAddress],
    [instanceId, vnicId, cloud.world.nodeSubnet, privateIp],
  );
});

test('a node that names none is found by its address of either family, whatever its spelling', async () => {
  const { cloud, nodes } = world();
  const [one, two] = cloud.nodes;
  assert.equal((await nodes.place(nodeAt('n1', one?.privateIp ?? '')))?.instance, one?.instanceId);
  const spelt = two?.ipv6?.toUpperCase().replace('::', ':0::') ?? '';
  assert.equal((await nodes.place(nodeAt('n2', spelt)))?.instance, two?.instanceId);
});

test('what is no instance of the compartment is unknown', async () => {
  const { cloud, nodes } = world();
  const gone = cloud.state.newId('instance');
  assert.equal(await nodes.place(nodeAt('x', '203.0.113.1')), undefined);
  assert.equal(await nodes.place(named('x', `oci://${gone}`)), undefined);
  assert.equal(await nodes.place(named('x', 'aws:///eu-west-1a/i-0123', cloud.nodes[0]?.privateIp ?? '')), undefined);
  const [{ instanceId = '' } = {}] = cloud.nodes;
  cloud.state.instances.patch(instanceId, { lifecycleState: 'TERMINATED' });
  assert.equal(await nodes.place(named('n1', instanceId)), undefined);
});

test('of several VNICs the one that the node is reached by counts, and else the primary one', async () => {
  const { cloud, nodes, again } = world();
  const [{ instanceId = '', vnicId = '' } = {}] = cloud.nodes;
  const { vcnId } = cloud.world;
  const subnet = addSubnet(cloud.state, { vcnId, name: 'second', cidrBlock: '10.0.64.0/20' });
  const second = cloud.addNode({ name: 'second', subnetId: subnet.id });
  // The VNIC of the other instance becomes a second one of the first.
  const attachment = cloud.state.vnicAttachments.find((one) => one.vnicId === second.vnicId);
  cloud.state.vnicAttachments.patch(attachment?.id ?? '', { instanceId });
  cloud.state.vnics.patch(second.vnicId, { isPrimary: false });
  assert.equal((await nodes.place(named('n1', instanceId, second.privateIp)))?.subnet, subnet.id);
  assert.equal((await again().place(named('n1', instanceId)))?.vnic, vnicId);
});

test('what is known is not asked for again for five minutes, and a search not for one', async () => {
  const { cloud, clock, nodes, count } = world();
  const one = nodeAt('n1', cloud.nodes[0]?.privateIp ?? '');
  await nodes.places([one, nodeAt('n2', cloud.nodes[1]?.privateIp ?? ''), nodeAt('x', '203.0.113.1')]);
  const before = cloud.requests.length;
  await nodes.places([one, nodeAt('x', '203.0.113.1')]);
  assert.equal(cloud.requests.length, before);
  const searches = () => count('listVnicAttachments');
  const atFirst = searches();
  await clock.advance(60_000);
  await nodes.place(nodeAt('x', '203.0.113.1'));
  assert.equal(searches(), atFirst + 1);
  assert.equal(count('getVnic'), 2);
  const instances = count('getInstance');
  await clock.advance(240_000);
  await nodes.place(one);
  assert.equal(count('getInstance'), instances + 1);
});

test('what was not there, or could not be asked, is asked for again', async () => {
  const { cloud, nodes } = world();
  const [{ instanceId = '' } = {}] = cloud.nodes;
  cloud.state.instances.patch(instanceId, { lifecycleState: 'TERMINATED' });
  assert.equal(await nodes.place(named('n1', instanceId)), undefined);
  cloud.state.instances.patch(instanceId, { lifecycleState: 'RUNNING' });
  cloud.fail({ when: { call: 'getInstance' }, how: { status: 500, code: 'InternalServerError' } });
  await assert.rejects(nodes.place(named('n1', instanceId)), { status: 500 });
  assert.equal((await nodes.place(named('n1', instanceId)))?.instance, instanceId);
});

test('an address that an instance is given later is told once what is known is old', async () => {
  const { cloud, clock, nodes } = world();
  const [{ vnicId = '', privateIp = '' } = {}] = cloud.nodes;
  const node = nodeAt('n1', privateIp);
  assert.equal((await nodes.place(node))?.publicAddress, undefined);
  cloud.state.vnics.patch(vnicId, { publicIp: '203.0.113.9' });
  await clock.advance(300_000);
  assert.equal((await nodes.place(node))?.publicAddress, '203.0.113.9');
});

test('many instances are read in pages, and all found', async () => {
  const names = Array.from({ length: 25 }, (_, index) => `n${index}`);
  const { cloud, nodes, count } = world({ nodes: names, pageSize: 10 });
  const found = await nodes.places(cloud.nodes.map(({ name, privateIp }) => nodeAt(name, privateIp)));
  assert.equal(found.size, 25);
  assert.equal(count('listVnicAttachments'), 3 + 25);
});

test('what is told of a node: which instance, how it is reached, where it is', async () => {
  const { cloud, nodes } = world({ nodes: [] });
  const { instanceId, ipv6 } = cloud.addNode({ name: 'n1', privateIp: '10.0.0.9', publicIp: '203.0.113.9' });
  const { faultDomain = '', availabilityDomain = '' } = cloud.state.instances.get(instanceId) ?? {};
  assert.deepEqual(await nodes.facts(nodeAt('n1', '10.0.0.9')), {
    providerID: `oci://${instanceId}`,
    addresses: [
      { type: 'InternalIP', address: '10.0.0.9' },
      { type: 'ExternalIP', address: ipv6 },
      { type: 'ExternalIP', address: '203.0.113.9' },
    ],
    labels: {
      'topology.kubernetes.io/region': 'xx-test-1',
      'topology.kubernetes.io/zone': availabilityDomain.replace('Test:', ''),
      'node.kubernetes.io/instance-type': 'VM.Standard.E4.Flex',
      'oci.oraclecloud.com/fault-domain': faultDomain,
    },
  });
  assert.equal(await nodes.facts(nodeAt('x', '203.0.113.1')), undefined);
});

test('a unique local address of IPv6 is an internal one', async () => {
  const { cloud, nodes } = world({ nodes: [] });
  cloud.addNode({ name: 'n1', privateIp: '10.0.0.9', ipv6: 'fd00::9' });
  const { addresses } = (await nodes.facts(nodeAt('n1', '10.0.0.9'))) ?? { addresses: [] };
  assert.ok(addresses.some(({ type, address }) => type === 'InternalIP' && address === 'fd00::9'));
});
