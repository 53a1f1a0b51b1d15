import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Event } from '../../api/core/v1/event.ts';
import type { Node } from '../../api/core/v1/node.ts';
import { fakeClient } from '../../client/fake.ts';
import { settle } from '../../client/testing.ts';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { mustParseCIDR } from '../../lib/ip.ts';
import { Agreement, type PodNetworkSettings, podNetworkAnnotations } from './agreement.ts';
import { Disagreement } from './disagreement.ts';

const OWN: PodNetworkSettings = { mode: 'auto', vxlanPort: 4789, clusterCIDRs: [mustParseCIDR('10.244.0.0/16')] };

const node = (name: string, settings: Partial<PodNetworkSettings> = {}, podCIDRs: readonly string[] = []): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, annotations: podNetworkAnnotations({ ...OWN, ...settings }) },
  spec: { podCIDRs },
});

/** As one node of several sees it. */
function seen(...others: readonly Node[]): Agreement {
  const agreement = new Agreement(OWN);
  for (const other of others) agreement.set(other.metadata.name ?? '', other);
  return agreement;
}

test('nodes that were told the same agree, and so do those that say nothing', () => {
  const silent: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'kubelet' } };
  assert.equal(seen(node('a'), node('b'), silent).difference(), undefined);
});

test('each setting that differs is told, with what this node and the others have, and what to do', () => {
  for (const [settings, said] of [
    [{ mode: 'vxlan' }, '--pod-network vxlan --vxlan-port 4789 --cluster-cidr 10.244.0.0/16'],
    [{ mode: 'direct' }, '--pod-network direct --cluster-cidr 10.244.0.0/16'],
    [{ vxlanPort: 8472 }, '--pod-network auto --vxlan-port 8472 --cluster-cidr 10.244.0.0/16'],
    [
      { clusterCIDRs: [mustParseCIDR('10.32.0.0/12')] },
      '--pod-network auto --vxlan-port 4789 --cluster-cidr 10.32.0.0/12',
    ],
  ] as const) {
    const { message = '' } = seen(node('a', settings)).difference() ?? {};
    const own = '--pod-network auto --vxlan-port 4789 --cluster-cidr 10.244.0.0/16';
    assert.ok(
      message.startsWith(`this node's agent was started with ${own}, and that of node a with ${said}: `),
      message,
    );
    assert.match(message, /Start all agents with the same$/);
  }
});

test('of nodes that differ those that are fewer tell, both where they are as many, and each difference has one name', () => {
  const odd = (name: string) => node(name, { mode: 'vxlan' });
  assert.equal(seen(node('a'), odd('x')).difference(), undefined);
  assert.notEqual(seen(node('a'), odd('x'), odd('y')).difference(), undefined);
  const agreement = seen(odd('x'), odd('y'));
  const told = agreement.difference();
  assert.match(told?.message ?? '', /that of 2 others, such as node x, with --pod-network vxlan/);
  agreement.set('z', odd('z'));
  assert.equal(agreement.difference()?.key, told?.key);
});

test('a difference ends with the nodes that differ, when they go and when they are started otherwise', () => {
  const agreement = seen(node('x', { mode: 'vxlan' }), node('y', { mode: 'vxlan' }));
  agreement.set('x', undefined);
  assert.notEqual(agreement.difference(), undefined);
  agreement.set('y', node('y'));
  assert.equal(agreement.difference(), undefined);
});

test('prefixes that the cluster gave this node from elsewhere than its agent was told are what is told first', () => {
  const agreement = seen(node('x', { mode: 'vxlan' }));
  agreement.setOwn(node('self', {}, ['10.32.1.0/24', 'fd00:10:244::/64']));
  const { message = '' } = agreement.difference() ?? {};
  assert.match(message, /have the prefix 10\.32\.1\.0\/24, which is not within --cluster-cidr 10\.244\.0\.0\/16,/);
  agreement.setOwn(node('self', {}, ['10.244.1.0/24']));
  assert.match(agreement.difference()?.message ?? '', /vxlan/);
});

test('a difference is told once, in the log and as an Event of this node, and again when it is another', async () => {
  const self = node('self');
  const client = fakeClient([self]);
  const lines: string[] = [];
  const log = { ...silentLogger, warn: (_: object, text: string) => lines.push(text) };
  const clock = new FakeClock();
  const disagreement = new Disagreement({ client, nodeName: 'self', settings: OWN, clock, log });
  const tell = (...nodes: readonly Node[]) => {
    for (const each of nodes) disagreement.set(each.metadata.name ?? '', each);
    disagreement.tell();
  };
  tell(self, node('a'));
  tell(node('x', { mode: 'vxlan' }), node('y', { mode: 'vxlan' }));
  tell(node('z', { mode: 'vxlan' }));
  tell(node('x', { mode: 'direct' }), node('y', { mode: 'direct' }), node('z', { mode: 'direct' }));
  assert.deepEqual(
    lines.map((line) => / others.* with --pod-network (\w+)/.exec(line)?.[1]),
    ['vxlan', 'direct'],
  );
  await settle();
  const { items } = await client.list(Event);
  assert.deepEqual(
    items.map(({ reason, type, involvedObject }) => [reason, type, involvedObject.kind, involvedObject.name]),
    Array.from({ length: 2 }, () => ['PodNetworkMismatch', 'Warning', 'Node', 'self']),
  );
});
