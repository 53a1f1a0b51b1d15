import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lease } from './coordination/v1/lease.ts';
import { Event } from './core/v1/event.ts';
import { Namespace } from './core/v1/namespace.ts';
import { Node } from './core/v1/node.ts';
import { Pod } from './core/v1/pod.ts';
import { Secret } from './core/v1/secret.ts';
import { Service } from './core/v1/service.ts';
import { EndpointSlice } from './discovery/v1/endpointslice.ts';
import type { AnyKind } from './kinds.ts';
import { VirtualMachine } from './kubevirt/v1/virtualmachine.ts';
import { VirtualMachineInstance } from './kubevirt/v1/virtualmachineinstance.ts';
import { IPAddressPool } from './metallb/v1beta1/ipaddresspool.ts';
import { L2Advertisement } from './metallb/v1beta1/l2advertisement.ts';
import { MetalLB } from './metallb/v1beta1/metallb.ts';
import { ServiceL2Status } from './metallb/v1beta1/servicel2status.ts';
import { partialMetadata, printTable } from './table.ts';

const NOW = Date.parse('2026-01-01T00:05:00Z');
const metadata = { name: 'a', namespace: 'n', creationTimestamp: '2026-01-01T00:00:00Z' };

/** What `kubectl get` shows of an object: each column with its cell; those of `-o wide` in brackets. */
function shown(kind: AnyKind, object: object): Record<string, unknown> {
  const target = { apiVersion: kind.apiVersion, kind: kind.kind, metadata, ...object };
  const { columnDefinitions, rows } = printTable(kind, [target], NOW);
  return Object.fromEntries(
    columnDefinitions.map(({ name, priority }, i) => [priority > 0 ? `[${name}]` : name, rows[0]?.cells[i]]),
  );
}

const CASES: readonly [what: string, kind: AnyKind, object: object, cells: Record<string, unknown>][] = [
  [
    'a NodePort Service',
    Service,
    {
      spec: {
        type: 'NodePort',
        clusterIP: '10.96.0.9',
        clusterIPs: ['10.96.0.9', 'fd00:10:96::9'],
        ports: [
          { port: 80, nodePort: 30000, protocol: 'TCP' },
          { port: 53, protocol: 'UDP' },
        ],
        selector: { special: 'key' },
      },
    },
    {
      Name: 'a',
      Type: 'NodePort',
      'Cluster-IP': '10.96.0.9',
      'External-IP': '<none>',
      'Port(s)': '80:30000/TCP,53/UDP',
      Age: '5m',
      '[Selector]': 'special=key',
    },
  ],
  [
    'a load balancer that waits for its address',
    Service,
    { spec: { type: 'LoadBalancer', clusterIPs: ['10.96.0.9'], ports: [] }, status: { loadBalancer: {} } },
    {
      Name: 'a',
      Type: 'LoadBalancer',
      'Cluster-IP': '10.96.0.9',
      'External-IP': '<pending>',
      'Port(s)': '<none>',
      Age: '5m',
      '[Selector]': '<none>',
    },
  ],
  [
    'a load balancer with an address of each family',
    Service,
    {
      spec: { type: 'LoadBalancer', clusterIPs: ['10.96.0.9'], ports: [{ port: 80, protocol: 'TCP' }] },
      status: { loadBalancer: { ingress: [{ ip: '192.0.2.10' }, { ip: '2001:db8::10' }] } },
    },
    {
      Name: 'a',
      Type: 'LoadBalancer',
      'Cluster-IP': '10.96.0.9',
      'External-IP': '192.0.2.10,2001:db8::10',
      'Port(s)': '80/TCP',
      Age: '5m',
      '[Selector]': '<none>',
    },
  ],
  [
    'a running pod',
    Pod,
    {
      spec: { nodeName: 'node1', containers: [{ name: 'compute' }] },
      status: {
        phase: 'Running',
        podIP: '10.244.1.5',
        containerStatuses: [{ name: 'compute', state: { running: {} }, ready: true, restartCount: 2 }],
      },
    },
    {
      Name: 'a',
      Ready: '1/1',
      Status: 'Running',
      Restarts: '2',
      Age: '5m',
      '[IP]': '10.244.1.5',
      '[Node]': 'node1',
      '[Nominated Node]': '<none>',
      '[Readiness Gates]': '<none>',
    },
  ],
  [
    'a pod that is being deleted',
    Pod,
    { metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:04:00Z' }, status: { phase: 'Running' } },
    {
      Name: 'a',
      Ready: '0/0',
      Status: 'Terminating',
      Restarts: '0',
      Age: '5m',
      '[IP]': '<none>',
      '[Node]': '<none>',
      '[Nominated Node]': '<none>',
      '[Readiness Gates]': '<none>',
    },
  ],
  [
    'a node',
    Node,
    {
      metadata: { ...metadata, labels: { 'node-role.kubernetes.io/worker': '' } },
      spec: { unschedulable: true },
      status: {
        conditions: [{ type: 'Ready', status: 'True' }],
        addresses: [{ type: 'InternalIP', address: '172.30.0.11' }],
        nodeInfo: {
          kubeletVersion: 'v1.34.0+postern',
          osImage: 'Debian',
          kernelVersion: '6.1',
          containerRuntimeVersion: 'qemu://7',
        },
      },
    },
    {
      Name: 'a',
      Status: 'Ready,SchedulingDisabled',
      Roles: 'worker',
      Age: '5m',
      Version: 'v1.34.0+postern',
      '[Internal-IP]': '172.30.0.11',
      '[External-IP]': '<none>',
      '[OS-Image]': 'Debian',
      '[Kernel-Version]': '6.1',
      '[Container-Runtime]': 'qemu://7',
    },
  ],
  [
    'a slice of many endpoints',
    EndpointSlice,
    {
      addressType: 'IPv4',
      ports: [{ port: 9376 }],
      endpoints: ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'].map((address) => ({ addresses: [address] })),
    },
    { Name: 'a', AddressType: 'IPv4', Ports: '9376', Endpoints: '10.0.0.1,10.0.0.2,10.0.0.3 + 1 more...', Age: '5m' },
  ],
  [
    'an empty slice',
    EndpointSlice,
    { addressType: 'IPv6', ports: [], endpoints: [] },
    { Name: 'a', AddressType: 'IPv6', Ports: '<unset>', Endpoints: '<unset>', Age: '5m' },
  ],
  [
    'an event, whose name few ask for',
    Event,
    {
      involvedObject: { kind: 'Service', name: 'example-service' },
      type: 'Warning',
      reason: 'AllocationFailed',
      message: 'no address is free\n',
      source: { component: 'loadbalancer', host: 'node1' },
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:04:30Z',
      count: 3,
    },
    {
      'Last Seen': '30s',
      Type: 'Warning',
      Reason: 'AllocationFailed',
      Object: 'service/example-service',
      '[Subobject]': '',
      '[Source]': 'loadbalancer, node1',
      Message: 'no address is free',
      '[First Seen]': '5m',
      '[Count]': 3,
      '[Name]': 'a',
    },
  ],
  ['a namespace', Namespace, { status: { phase: 'Active' } }, { Name: 'a', Status: 'Active', Age: '5m' }],
  ['a lease', Lease, { spec: { holderIdentity: 'node1' } }, { Name: 'a', Holder: 'node1', Age: '5m' }],
  [
    'a virtual machine',
    VirtualMachine,
    { status: { printableStatus: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } },
    { Name: 'a', Age: '5m', Status: 'Running', Ready: 'True' },
  ],
  [
    'an instance',
    VirtualMachineInstance,
    {
      status: {
        phase: 'Running',
        nodeName: 'node1',
        interfaces: [{ ipAddress: '10.244.1.5' }],
        conditions: [{ type: 'Ready', status: 'False' }],
      },
    },
    {
      Name: 'a',
      Age: '5m',
      Phase: 'Running',
      IP: '10.244.1.5',
      NodeName: 'node1',
      Ready: 'False',
      '[Live-Migratable]': '',
      '[Paused]': '',
    },
  ],
  [
    'a secret, by how much it holds',
    Secret,
    { type: 'Opaque', data: { user: 'YQ==', password: 'Yg==' } },
    { Name: 'a', Type: 'Opaque', Data: 2, Age: '5m' },
  ],
  [
    'a pool of addresses',
    IPAddressPool,
    { spec: { addresses: ['192.0.2.0/24'] } },
    { Name: 'a', 'Auto Assign': true, 'Avoid Buggy IPs': false, Addresses: '["192.0.2.0/24"]' },
  ],
  [
    'an advertisement',
    L2Advertisement,
    { spec: { ipAddressPools: ['pool'] } },
    { Name: 'a', IPAddressPools: '["pool"]', 'IPAddressPool Selectors': '', Interfaces: '', '[Node Selectors]': '' },
  ],
  [
    'an announcement',
    ServiceL2Status,
    { status: { node: 'node1', serviceName: 'web', serviceNamespace: 'shop', interfaces: [{ name: 'eth0' }] } },
    { Name: 'a', 'Allocated Node': 'node1', 'Service Name': 'web', 'Service Namespace': 'shop' },
  ],
  [
    'the settings of the load balancer',
    MetalLB,
    {
      status: {
        conditions: [
          { type: 'Degraded', status: 'False' },
          { type: 'Available', status: 'True' },
        ],
      },
    },
    { Name: 'a', Available: 'True', Degraded: 'False', Progressing: '', Age: '5m' },
  ],
];
for (const [what, kind, object, cells] of CASES) {
  test(`${what} is shown as kubectl's users know it`, () => {
    const found = shown(kind, object);
    assert.deepEqual(found, cells);
    assert.deepEqual(Object.keys(found), Object.keys(cells));
  });
}

test('a table carries the list’s metadata and, of each object, what is asked for', () => {
  const object = { apiVersion: 'v1', kind: 'Namespace', metadata };
  const table = (include?: 'None' | 'Metadata' | 'Object') =>
    printTable(Namespace, [object], NOW, include, { resourceVersion: '7' });
  assert.equal(table().metadata.resourceVersion, '7');
  assert.deepEqual(table().rows[0]?.object, partialMetadata(object));
  assert.equal(table('None').rows[0]?.object, null);
  assert.equal(table('Object').rows[0]?.object, object);
  assert.deepEqual(
    table()
      .columnDefinitions.filter(({ format }) => format === 'name')
      .map(({ name }) => name),
    ['Name'],
  );
});
