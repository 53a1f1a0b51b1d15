import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Node } from '../../api/core/v1/node.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Service } from '../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import type { VirtualMachine } from '../../api/kubevirt/v1/virtualmachine.ts';
import type { VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import type { AnnouncerLease } from '../../api/metallb/v1beta1/announcer-lease.ts';
import type { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import type { L2Advertisement } from '../../api/metallb/v1beta1/l2advertisement.ts';
import type { MetalLB } from '../../api/metallb/v1beta1/metallb.ts';
import { seconds } from '../../lib/duration.ts';
import type { PodMaker } from './pod-makers.ts';
import { type WhyInput, whyService } from './why.ts';
import type { AnnouncerInput } from './why-no-address.ts';

const namespace = 'ns';
const CLASSY: MetalLB = {
  apiVersion: 'metallb.io/v1beta1',
  kind: 'MetalLB',
  metadata: { name: 'metallb', namespace: 'metallb-system' },
  spec: { loadBalancerClass: 'metallb.io/lb' },
};
const special = { special: 'key' };
type Labels = Record<string, string>;

const service = (spec: Partial<NonNullable<Service['spec']>> = {}, status: Service['status'] = {}): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace },
  spec: { selector: special, ipFamilies: ['IPv4'], ports: [{ port: 80, targetPort: 9376 }], ...spec },
  status,
});
const vm = (name: string, labels: Labels, printableStatus = 'Running'): VirtualMachine => ({
  apiVersion: 'kubevirt.io/v1',
  kind: 'VirtualMachine',
  metadata: { name, namespace },
  spec: { template: { metadata: { labels }, spec: { domain: { devices: {} } } } },
  status: { printableStatus },
});
const vmi = (
  name: string,
  labels: Labels,
  status: VirtualMachineInstance['status'] = { phase: 'Running' },
): VirtualMachineInstance => ({
  apiVersion: 'kubevirt.io/v1',
  kind: 'VirtualMachineInstance',
  metadata: { name, namespace, labels },
  spec: { domain: { devices: {} } },
  status,
});
function pod(name: string, labels: Labels, ready: { status: string; message?: string } = { status: 'True' }): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `virt-launcher-${name}`, namespace, labels: { ...labels, 'vm.kubevirt.io/name': name } },
    spec: { nodeName: 'node1', containers: [{ name: 'compute', ports: [{ name: 'http', containerPort: 9376 }] }] },
    status: { phase: 'Running', podIPs: [{ ip: '10.244.0.2' }], conditions: [{ type: 'Ready', ...ready }] },
  };
}
const slice: EndpointSlice = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 'web-1', namespace, labels: { 'kubernetes.io/service-name': 'web' } },
  addressType: 'IPv4',
  endpoints: [{ addresses: ['10.244.0.2'] }],
};

type World = WhyInput & AnnouncerInput;

/** A Service that works, except for what the case says. */
function world(over: Partial<World> = {}): World {
  const all = { vms: [vm('a', special)], vmis: [vmi('a', special)], pods: [pod('a', special)], slices: [slice] };
  const nodes = [{ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node1' } }];
  const announcing = {
    pools: [],
    advertisements: [],
    metallb: undefined,
    announcers: [announcer('node1', NOW)],
    now: NOW,
  };
  return { service: service(), nodes, makers: [], ...announcing, ...all, ...over };
}

const NOW = Date.UTC(2026, 0, 1);
function announcer(node: string, renewed: number): AnnouncerLease {
  return { node, port: 7952, hears: [], onLan: true, duration: seconds(15), renewed };
}

const system = { name: 'lan', namespace: 'postern-system' };
const node = (name: string, over: Partial<Node> = {}): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  ...over,
});
const advertisement = (spec: NonNullable<L2Advertisement['spec']>): L2Advertisement => ({
  apiVersion: 'metallb.io/v1beta1',
  kind: 'L2Advertisement',
  metadata: system,
  spec,
});

const GIVEN = { loadBalancer: { ingress: [{ ip: '192.0.2.100' }] } };

/** A Service with a load balancer address from the pool "lan". */
function balanced(over: Partial<World>): World {
  const pool: IPAddressPool = {
    apiVersion: 'metallb.io/v1beta1',
    kind: 'IPAddressPool',
    metadata: system,
    spec: { addresses: ['192.0.2.96/28'] },
  };
  return world({ service: service({ type: 'LoadBalancer' }, GIVEN), pools: [pool], nodes: [node('node1')], ...over });
}

/** A deployment that makes pods with these labels. */
const deployment = (labels: Labels, over: Partial<PodMaker> = {}): PodMaker => ({
  ...{ name: 'deployment front', namespace, labels, replicas: 2, paused: false, failure: undefined },
  ...over,
});
/** A pod of containers. */
const plain: Pod = { ...pod('a', {}), metadata: { name: 'front-x', namespace, labels: special } };

const noGuests = { vms: [], vmis: [], pods: [], slices: [] };
const unlabelled = {
  vms: [vm('a', { app: 'web' })],
  vmis: [vmi('a', { app: 'web' })],
  pods: [pod('a', { app: 'web' })],
};

const cases: [name: string, input: World, findings: string[]][] = [
  ['nothing, when it works', world(), []],
  [
    'that there is nothing that could carry the label',
    world(noGuests),
    [
      'no virtual machine and no pod carries the label special=key | create a virtual machine, or a deployment, in this namespace whose spec.template.metadata.labels has them',
    ],
  ],
  [
    'that what would make its pods is to have none',
    world({ ...noGuests, makers: [deployment(special, { replicas: 0 })] }),
    [
      'deployment front makes pods with the label, and is to have none: its spec.replicas is 0 | kubectl scale deployment/front -n ns --replicas=1',
    ],
  ],
  [
    'that what would make its pods cannot',
    world({ ...noGuests, makers: [deployment(special, { failure: 'no room' })] }),
    ['deployment front makes pods with the label, and cannot: no room | kubectl describe deployment/front -n ns'],
  ],
  [
    'that what would make its pods is paused, or has not made them yet',
    world({ ...noGuests, makers: [deployment(special, { paused: true }), deployment(special)] }),
    [
      'deployment front makes pods with the label, and is paused | kubectl rollout resume deployment/front -n ns',
      'deployment front makes pods with the label, and there is none yet',
    ],
  ],
  [
    'which labels of what makes pods come nearest',
    world({ ...noGuests, makers: [deployment({ special: 'other' })] }),
    [
      'no virtual machine and no pod carries the label special=key; deployment front has special=other instead of key | set spec.selector to labels of what is to serve, such as special=other of deployment front',
    ],
  ],
  [
    'that a pod is not ready, and where to look',
    world({ ...noGuests, pods: [{ ...plain, status: { phase: 'Pending' } }] }),
    ['pod front-x is not ready: it is Pending | kubectl describe pod front-x -n ns'],
  ],
  [
    'that no virtual machine carries the label',
    world(unlabelled),
    [
      'no virtual machine and no pod carries the label special=key | add special=key to spec.template.metadata.labels of a virtual machine (such as a), then restart it',
    ],
  ],
  [
    'that one has another value',
    world({ ...noGuests, vms: [vm('a', { special: 'kex' })] }),
    [
      'no virtual machine and no pod carries the label special=key; virtual machine a has special=kex instead of key | add special=key to spec.template.metadata.labels of a virtual machine (such as a), then restart it',
    ],
  ],
  [
    'that one spells the label otherwise',
    world({ ...noGuests, vms: [vm('a', { Special: 'key' })] }),
    [
      'no virtual machine and no pod carries the label special=key; virtual machine a spells the label Special, the selector special | add special=key to spec.template.metadata.labels of a virtual machine (such as a), then restart it',
    ],
  ],
  [
    'that a virtual machine must be restarted',
    world({ ...unlabelled, vms: [vm('a', special)] }),
    [
      'virtual machine a has special=key in its template, but its running instance was made before that | postern vm restart a -n ns',
    ],
  ],
  [
    'that a second virtual machine must be restarted too',
    world({ vms: [vm('a', special), vm('b', special)], vmis: [vmi('a', special), vmi('b', {})] }),
    [
      'virtual machine b has special=key in its template, but its running instance was made before that | postern vm restart b -n ns',
    ],
  ],
  [
    'that the virtual machine which is selected by its name, as by postern expose, does not run',
    world({
      ...noGuests,
      service: service({ selector: { 'vm.kubevirt.io/name': 'a' } }),
      vms: [vm('a', {}, 'Stopped')],
    }),
    ['virtual machine a carries the label but does not run: it is Stopped | postern vm start a -n ns'],
  ],
  [
    'that the virtual machine does not run',
    world({ ...noGuests, vms: [vm('a', special, 'Stopped')] }),
    ['virtual machine a carries the label but does not run: it is Stopped | postern vm start a -n ns'],
  ],
  [
    'that no node takes the virtual machine',
    world({
      pods: [],
      slices: [],
      vmis: [
        vmi('a', special, {
          phase: 'Pending',
          conditions: [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes are available: n is not ready' }],
        }),
      ],
    }),
    ['the instance of virtual machine a is Pending: 0/1 nodes are available: n is not ready'],
  ],
  [
    'that a guest is not ready, in its own words',
    world({ pods: [pod('a', special, { status: 'False', message: 'HTTP probe failed: 500' })] }),
    ['virtual machine a is not ready: HTTP probe failed: 500 | kubectl describe vmi a -n ns'],
  ],
  [
    'that nobody has a port of that name',
    world({ service: service({ ports: [{ port: 80, targetPort: 'web' }] }) }),
    [
      'targetPort "web" is not a TCP port of virtual machine a; the names there are: http | write the number of the port as targetPort, or declare it: spec.template.spec.domain.devices.interfaces[].ports with name web',
    ],
  ],
  [
    'that the guests lack a family',
    world({ service: service({ ipFamilies: ['IPv4', 'IPv6'] }) }),
    [
      'the Service has IPv6, and virtual machine a has no IPv6 address | run nodes with an IPv6 pod network, or set ipFamilyPolicy: SingleStack with the other family in ipFamilies',
    ],
  ],
  [
    'that a ready guest is not in the slices',
    world({ slices: [] }),
    [
      '10.244.0.2 is ready and not in its EndpointSlices | look whether the server runs its controllers: the log of postern server says what they do',
    ],
  ],
  [
    'why it has no load balancer address',
    world({
      service: service(
        { type: 'LoadBalancer' },
        {
          conditions: [{ type: 'postern.dev/AddressAllocated', status: 'False', message: 'there is no IPAddressPool' }],
        },
      ),
    }),
    ['it has no load balancer address: there is no IPAddressPool'],
  ],
  [
    'what its provider says of its load balancer',
    world({
      service: service(
        { type: 'LoadBalancer' },
        {
          conditions: [
            {
              type: 'postern.dev/LoadBalancerReady',
              status: 'False',
              reason: 'LimitExceeded',
              message: 'the tenancy has 10 load balancers: ask for more',
            },
          ],
        },
      ),
    }),
    [
      'it has no load balancer address: its provider says LimitExceeded: the tenancy has 10 load balancers: ask for more',
    ],
  ],
  [
    'that its load balancer class is another implementation’s',
    world({ service: service({ type: 'LoadBalancer', loadBalancerClass: 'example.com/other' }) }),
    [
      'it has no load balancer address: its loadBalancerClass "example.com/other" is another implementation\'s to serve',
    ],
  ],
  [
    'that the MetalLB object has only those of a class served',
    world({ service: service({ type: 'LoadBalancer' }), metallb: CLASSY }),
    [
      'it has no load balancer address: it has no loadBalancerClass, and the MetalLB object has only those served that have "metallb.io/lb"',
    ],
  ],
  [
    'that nobody gives it endpoints',
    world({ ...noGuests, service: service({ selector: {} }) }),
    [
      'it has no selector and nobody has given it endpoints | set spec.selector to labels of the virtual machines, or create an EndpointSlice with the label kubernetes.io/service-name: web',
    ],
  ],
  ['nothing, when its address is announced', balanced({ advertisements: [advertisement({})] }), []],
  [
    'that no L2Advertisement is about the pool of its address',
    balanced({ advertisements: [advertisement({ ipAddressPools: ['other'] })] }),
    [
      'nobody announces 192.0.2.100: no L2Advertisement is about its pool "lan" | create an L2Advertisement (metallb.io/v1beta1) in namespace postern-system with lan in spec.ipAddressPools',
    ],
  ],
  [
    'that nodeSelectors fit no node',
    balanced({ advertisements: [advertisement({ nodeSelectors: [{ matchLabels: { edge: 'yes' } }] })] }),
    [
      'nobody announces 192.0.2.100: no node has the labels that nodeSelectors of lan ask for | kubectl get nodes --show-labels',
    ],
  ],
  [
    'that serviceSelectors do not select it',
    balanced({ advertisements: [advertisement({ serviceSelectors: [{ matchLabels: { app: 'web' } }] })] }),
    [
      'nobody announces 192.0.2.100: serviceSelectors of lan do not select this Service | give it a label that they ask for, or add an L2Advertisement for it',
    ],
  ],
  [
    'which advertisement cannot be read, when there is no other',
    balanced({
      advertisements: [advertisement({ nodeSelectors: [{ matchExpressions: [{ key: 'x', operator: 'Near' }] }] })],
    }),
    [
      `nobody announces 192.0.2.100: no L2Advertisement is about its pool "lan"; L2Advertisement lan counts for nothing: unable to parse requirement "x": "Near" is not an operator: In, NotIn, Exists and DoesNotExist are | create an L2Advertisement (metallb.io/v1beta1) in namespace postern-system with lan in spec.ipAddressPools`,
    ],
  ],
  [
    'what keeps each node that may announce from it',
    balanced({
      advertisements: [advertisement({})],
      nodes: [
        node('node1', { status: { conditions: [{ type: 'NetworkUnavailable', status: 'True' }] } }),
        node('node2', {
          metadata: { name: 'node2', labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': '' } },
        }),
      ],
    }),
    [
      'nobody announces 192.0.2.100: none of the nodes that may can: node1 has no network (NetworkUnavailable), node2 has the label node.kubernetes.io/exclude-from-external-load-balancers | kubectl get nodes --show-labels',
    ],
  ],
  [
    'that no announcer lives on a node that may',
    balanced({
      advertisements: [advertisement({})],
      nodes: [node('node1'), node('node2')],
      announcers: [announcer('node1', NOW - 190_000)],
    }),
    [
      'nobody announces 192.0.2.100: no announcer runs on the nodes that may: node1 (last seen 2025-12-31T23:56:50Z), node2 (none has run there) | start postern agent or postern l2 there, and look into its log',
    ],
  ],
  [
    'that with policy Local its endpoints are elsewhere',
    balanced({
      advertisements: [advertisement({})],
      service: service({ type: 'LoadBalancer', externalTrafficPolicy: 'Local' }, GIVEN),
      slices: [{ ...slice, endpoints: [{ addresses: ['10.244.0.2'], nodeName: 'node7' }] }],
    }),
    [
      'nobody announces 192.0.2.100: externalTrafficPolicy is Local, and its endpoints are on node7, none of them on a node that may announce it | set externalTrafficPolicy: Cluster, or let nodeSelectors select the nodes of its endpoints',
    ],
  ],
  [
    'that its endpoints are of the other family only',
    balanced({
      advertisements: [advertisement({})],
      slices: [{ ...slice, addressType: 'IPv6', endpoints: [{ addresses: ['fd00::2'] }] }],
    }),
    [
      '10.244.0.2 is ready and not in its EndpointSlices | look whether the server runs its controllers: the log of postern server says what they do',
      'nobody announces 192.0.2.100: its endpoints have IPv6 addresses and no IPv4 ones',
    ],
  ],
  [
    'nothing of the announcers of a load balancer that is another’s',
    balanced({ service: service({ type: 'LoadBalancer', loadBalancerClass: 'example.com/other' }, GIVEN) }),
    [],
  ],
  [
    'that nodes do not forward to all of its endpoints',
    world({
      slices: [0, 1, 2, 3, 4].map((part) => ({
        ...slice,
        ports: [{ name: '', protocol: 'TCP', port: 9376 }],
        endpoints: Array.from({ length: part < 4 ? 1000 : 100 }, (_, i) => ({
          addresses: [part === 0 && i === 0 ? '10.244.0.2' : `10.2${part}.${Math.floor(i / 250)}.${i % 250}`],
        })),
      })),
    }),
    [
      'it has 4100 ready endpoints (IPv4 TCP), and nodes forward to 4095 of them: 5 get no new connections | divide them among several Services',
    ],
  ],
  ['nothing of one that is only a name', world({ ...noGuests, service: service({ type: 'ExternalName' }) }), []],
];

describe('postern why says of a Service', () => {
  for (const [name, input, expected] of cases) {
    it(name, () => {
      const found = whyService(input).map(
        ({ message, remedy }) => message + (remedy === undefined ? '' : ` | ${remedy}`),
      );
      assert.deepEqual(found, expected);
    });
  }
});
