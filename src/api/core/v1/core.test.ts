import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lease } from '../../coordination/v1/lease.ts';
import { EndpointSlice } from '../../discovery/v1/endpointslice.ts';
import { admitted, mistakesOf } from '../../testing.ts';
import { Event } from './event.ts';
import { Namespace } from './namespace.ts';
import { Node } from './node.ts';
import { isPodReady, podIPs } from './pod.status.ts';
import { Pod } from './pod.ts';

const containers = [{ name: 'compute', image: 'i' }];

test('a new namespace is active, labelled with its name, and guarded until its content is gone', () => {
  const namespace = admitted(Namespace, { metadata: { name: 'example-namespace' } });
  assert.deepEqual(namespace.metadata.labels, { 'kubernetes.io/metadata.name': 'example-namespace' });
  assert.deepEqual(namespace.spec?.finalizers, ['kubernetes']);
  assert.equal(namespace.status?.phase, 'Active');
  const replaced = admitted(Namespace, { metadata: { name: 'example-namespace' } }, namespace);
  assert.deepEqual(replaced.spec?.finalizers, ['kubernetes']);
});

test('a new pod is pending, whatever it says, and has half a minute to end', () => {
  const pod = admitted(Pod, { spec: { containers }, status: { phase: 'Running' } });
  assert.equal(pod.status?.phase, 'Pending');
  assert.equal(pod.spec?.terminationGracePeriodSeconds, 30);
  assert.equal(pod.spec?.restartPolicy, 'Always');
});

test('a pod needs containers with names of their own, and ports that can be', () => {
  assert.deepEqual(mistakesOf(Pod, { spec: {} }), ['spec.containers: Required value']);
  const ports = [{ containerPort: 70_000 }, { containerPort: 80, name: 'x' }, { containerPort: 81, name: 'x' }];
  assert.deepEqual(mistakesOf(Pod, { spec: { containers: [...containers, { ...containers[0], ports }] } }), [
    'spec.containers[1].name: Duplicate value: "compute"',
    'spec.containers[1].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
    'spec.containers[1].ports[2].name: Duplicate value: "x"',
  ]);
});

test('a pod stays on the node it was bound to', () => {
  const old = admitted(Pod, { spec: { containers, nodeName: 'node1' } });
  assert.deepEqual(mistakesOf(Pod, { spec: { containers, nodeName: 'node2' } }, old), [
    'spec.nodeName: Forbidden: may not change once the pod is bound to a node',
  ]);
});

test('a pod tells its readiness and its addresses, the primary one first', () => {
  const pod = admitted(Pod, { spec: { containers } });
  assert.equal(isPodReady(pod), false);
  assert.deepEqual(podIPs(pod), []);
  const status = {
    conditions: [{ type: 'Ready', status: 'True' }],
    podIP: '10.244.1.5',
    podIPs: [{ ip: '10.244.1.5' }, { ip: 'fd00::5' }],
  };
  assert.equal(isPodReady({ ...pod, status }), true);
  assert.deepEqual(podIPs({ ...pod, status }), ['10.244.1.5', 'fd00::5']);
  assert.deepEqual(podIPs({ ...pod, status: { podIP: '10.244.1.5' } }), ['10.244.1.5']);
});

test('the prefixes of a node agree, hold one of each family at most, and stay', () => {
  const old = admitted(Node, { spec: { podCIDRs: ['10.244.1.0/24', 'fd00:10:244:1::/64'] } });
  assert.equal(old.spec?.podCIDR, '10.244.1.0/24');
  assert.deepEqual(mistakesOf(Node, { spec: { podCIDRs: ['10.244.1.0/24', '10.244.2.0/24'] } }), [
    'spec.podCIDRs: Invalid value: ["10.244.1.0/24","10.244.2.0/24"]: may specify no more than one CIDR for each IP family',
  ]);
  assert.deepEqual(mistakesOf(Node, { spec: { podCIDR: 'x' } }), [
    'spec.podCIDRs[0]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
  ]);
  assert.match(mistakesOf(Node, { spec: { podCIDRs: ['10.244.9.0/24'] } }, old)[0] ?? '', /^spec\.podCIDRs: Forbidden/);
});

test('a taint has an effect that exists, and stands once', () => {
  const taints = [
    { key: 'a', effect: 'NoSchedule' },
    { key: 'a', effect: 'NoSchedule' },
    { key: 'b', effect: 'Never' },
  ];
  assert.deepEqual(mistakesOf(Node, { spec: { taints } }), [
    'spec.taints[1]: Duplicate value: {"key":"a","effect":"NoSchedule"}',
    'spec.taints[2].effect: Unsupported value: "Never": supported values: "NoExecute", "NoSchedule", "PreferNoSchedule"',
  ]);
});

test('an event lies in the namespace of what it is about', () => {
  assert.deepEqual(mistakesOf(Event, { involvedObject: { namespace: 'n' }, type: 'Normal' }), []);
  assert.deepEqual(mistakesOf(Event, { metadata: { namespace: 'default' }, involvedObject: { kind: 'Node' } }), []);
  assert.deepEqual(mistakesOf(Event, { involvedObject: { namespace: 'm' } }), [
    'involvedObject.namespace: Invalid value: "m": does not match event.namespace',
  ]);
});

test('a lease lasts for a while', () => {
  assert.deepEqual(mistakesOf(Lease, { spec: { leaseDurationSeconds: 40, holderIdentity: 'node1' } }), []);
  assert.deepEqual(mistakesOf(Lease, { spec: { leaseDurationSeconds: 0 } }), [
    'spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
  ]);
});

test('a slice holds addresses of its own family that can be reached, and keeps its family', () => {
  const slice = { addressType: 'IPv4', endpoints: [{ addresses: ['10.244.1.5'] }], ports: [{ port: 9376 }] };
  const old = admitted(EndpointSlice, slice);
  assert.deepEqual(old.ports, [{ port: 9376, name: '', protocol: 'TCP' }]);
  const endpoints = [{ addresses: ['fd00::5'] }, { addresses: [] }, { addresses: ['127.0.0.1'] }];
  assert.deepEqual(mistakesOf(EndpointSlice, { ...slice, endpoints }), [
    'endpoints[0].addresses[0]: Invalid value: "fd00::5": must be an IPv4 address',
    'endpoints[1].addresses: Required value: must contain at least 1 address',
    'endpoints[2].addresses[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
  ]);
  assert.deepEqual(mistakesOf(EndpointSlice, { ...slice, addressType: 'IPv6', endpoints: [] }, old), [
    'addressType: Invalid value: "IPv6": field is immutable',
  ]);
});
