import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Lease } from '../api/coordination/v1/lease.ts';
import { Node } from '../api/core/v1/node.ts';
import { TransportError } from '../client/client.ts';
import { fakeClient } from '../client/fake.ts';
import { settle } from '../client/testing.ts';
import { FakeClock } from '../host/clock.ts';
import { silentLogger } from '../host/log.ts';
import { printCIDR } from '../lib/ip.ts';
import { startNode } from './node.ts';
import { MACHINE } from './testing.ts';

function setup() {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  const client = fakeClient([], { clock });
  const ended = new AbortController();
  const options = {
    client,
    nodeName: 'node1',
    addresses: ['192.0.2.1', '2001:db8::1'],
    labels: { zone: 'a' },
    annotations: { told: 'so' },
    log: silentLogger,
    clock,
    machine: MACHINE,
  };
  const lease = async () => (await client.list(Lease)).items[0];
  const ready = async () => {
    const node = await client.get(Node, { name: 'node1' });
    return node.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  };
  return { clock, client, ended, options, lease, ready };
}

describe('a node', () => {
  it('registers with its addresses, labels and readiness, and resolves its prefixes once they are given', async () => {
    const { client, ended, options, ready } = setup();
    const registered = await startNode(options, ended.signal);
    const node = await client.get(Node, { name: 'node1' });
    assert.deepEqual(
      node.status?.addresses?.map(({ type, address }) => `${type} ${address}`),
      ['InternalIP 192.0.2.1', 'InternalIP 2001:db8::1', 'Hostname node1'],
    );
    assert.equal(node.metadata.labels?.['kubernetes.io/hostname'], 'node1');
    assert.equal(node.metadata.labels?.['zone'], 'a');
    assert.equal(node.metadata.annotations?.['told'], 'so');
    assert.equal(node.status?.capacity?.['memory'], '4194304Ki');
    assert.equal(await ready(), 'True');
    client.seed({ ...node, spec: { podCIDR: '10.244.0.0/24', podCIDRs: ['10.244.0.0/24', 'fd00:10:244::/64'] } });
    assert.deepEqual((await registered.podCIDRs).map(printCIDR), ['10.244.0.0/24', 'fd00:10:244::/64']);
    assert.equal(registered.node().spec?.podCIDR, '10.244.0.0/24');
    ended.abort();
  });

  it('gives four signs of life in the time that one is good', async () => {
    const { clock, ended, lease, options } = setup();
    await startNode({ ...options, leaseDuration: 8000 }, ended.signal);
    await settle();
    const first = await lease();
    assert.equal(first?.spec?.leaseDurationSeconds, 8);
    await clock.advance(1900);
    await settle();
    assert.equal((await lease())?.spec?.renewTime, first?.spec?.renewTime);
    await clock.advance(100);
    await settle();
    assert.notEqual((await lease())?.spec?.renewTime, first?.spec?.renewTime);
    ended.abort();
  });

  it('says when it is given other prefixes for its pods', async () => {
    const { client, ended, options } = setup();
    const told: object[] = [];
    const log = { ...silentLogger, error: (fields: object) => void told.push(fields) };
    await startNode({ ...options, log }, ended.signal);
    const give = async (...podCIDRs: readonly string[]) => {
      client.seed({ ...(await client.get(Node, { name: 'node1' })), spec: { podCIDRs } });
      await settle();
    };
    await give('10.244.1.0/24');
    await give('10.244.1.0/24');
    assert.deepEqual(told, []);
    await give('10.244.2.0/24');
    assert.deepEqual(told, [{ node: 'node1', before: '10.244.1.0/24', now: '10.244.2.0/24' }]);
    ended.abort();
  });

  it('keeps the external addresses that a cloud says, and says its own', async () => {
    const { clock, client, ended, options } = setup();
    await startNode(options, ended.signal);
    const node = await client.get(Node, { name: 'node1' });
    const told = [
      { type: 'InternalIP', address: '192.0.2.77' },
      { type: 'ExternalIP', address: '203.0.113.7' },
    ];
    await client.updateStatus(Node, { ...node, status: { ...node.status, addresses: told } });
    await settle();
    await clock.advance(10_000);
    await settle();
    assert.deepEqual(
      (await client.get(Node, { name: 'node1' })).status?.addresses?.map(({ type, address }) => `${type} ${address}`),
      ['InternalIP 192.0.2.1', 'InternalIP 2001:db8::1', 'Hostname node1', 'ExternalIP 203.0.113.7'],
    );
    ended.abort();
  });

  it('keeps what the part that runs containers says of their runtime', async () => {
    const { clock, client, ended, options } = setup();
    await startNode(options, ended.signal);
    const node = await client.get(Node, { name: 'node1' });
    assert.equal(node.status?.nodeInfo?.containerRuntimeVersion, 'postern://0.1.0');
    const told = { type: 'postern.dev/ContainerRuntimeReady', status: 'True' };
    const conditions = [...(node.status?.conditions ?? []), told];
    const nodeInfo = { ...node.status?.nodeInfo, containerRuntimeVersion: 'containerd://1.6.20', osImage: 'another' };
    await client.updateStatus(Node, { ...node, status: { ...node.status, conditions, nodeInfo } });
    await settle();
    await clock.advance(10_000);
    await settle();
    const { status } = await client.get(Node, { name: 'node1' });
    assert.equal(status?.nodeInfo?.containerRuntimeVersion, 'containerd://1.6.20');
    assert.equal(status?.nodeInfo?.osImage, 'Debian');
    assert.ok(status?.conditions?.some(({ type }) => type === told.type));
    ended.abort();
  });

  it('renews its lease every ten seconds and otherwise writes nothing', async () => {
    const { clock, client, ended, options, lease } = setup();
    await startNode(options, ended.signal);
    await settle();
    assert.equal((await lease())?.spec?.renewTime, '2026-01-01T00:00:00.000000Z');
    const version = (await client.get(Node, { name: 'node1' })).metadata.resourceVersion;
    await clock.advance(10_000);
    await settle();
    assert.equal((await lease())?.spec?.renewTime, '2026-01-01T00:00:10.000000Z');
    assert.equal((await client.get(Node, { name: 'node1' })).metadata.resourceVersion, version);
    ended.abort();
  });

  it('keeps what others wrote on the Node that it finds', async () => {
    const { client, ended, options } = setup();
    client.seed({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'node1', labels: { mine: 'yes' } },
      spec: { podCIDR: '10.244.7.0/24', podCIDRs: ['10.244.7.0/24'], unschedulable: true },
    } as Node);
    const registered = await startNode(options, ended.signal);
    assert.deepEqual((await registered.podCIDRs).map(printCIDR), ['10.244.7.0/24']);
    const node = await client.get(Node, { name: 'node1' });
    assert.equal(node.spec?.unschedulable, true);
    assert.equal(node.metadata.labels?.['mine'], 'yes');
    ended.abort();
  });

  it('waits for a server that is not there yet', async () => {
    const { clock, client, ended, options, ready } = setup();
    client.failWith(() => new TransportError('down'));
    const starting = startNode(options, ended.signal);
    await settle();
    client.failWith(undefined);
    await clock.advance(1000);
    await starting;
    assert.equal(await ready(), 'True');
    ended.abort();
  });

  it('contradicts at once when it is declared lost, and comes back when its Node is deleted', async () => {
    const { client, ended, options, ready } = setup();
    await startNode(options, ended.signal);
    await settle();
    const node = await client.get(Node, { name: 'node1' });
    client.seed({ ...node, status: { ...node.status, conditions: [{ type: 'Ready', status: 'Unknown' }] } });
    await settle();
    assert.equal(await ready(), 'True');
    client.remove(Node, { name: 'node1' });
    await settle();
    assert.equal(await ready(), 'True');
    ended.abort();
  });
});
