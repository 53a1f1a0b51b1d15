import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Node } from '../../api/core/v1/node.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Service } from '../../api/core/v1/service.ts';
import { desiredSlices, hasOwnSlices } from './desired.ts';

type PodOptions = { ready?: boolean; phase?: string; deleting?: boolean; ips?: string[]; port?: [string, number] };

function pod(name: string, { ready = true, phase = 'Running', deleting = false, ips, port }: PodOptions = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'ns',
      uid: `uid-${name}`,
      ...(deleting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: {
      nodeName: 'node1',
      containers: [{ name: 'c', ...(port ? { ports: [{ name: port[0], containerPort: port[1] }] } : {}) }],
    },
    status: {
      phase,
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      podIPs: (ips ?? ['10.244.0.2', 'fd00:10:244::2']).map((ip) => ({ ip })),
    },
  };
}

function service(spec: Partial<NonNullable<Service['spec']>> = {}): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'ns', labels: { team: 'a' } },
    spec: {
      selector: { special: 'key' },
      ipFamilies: ['IPv4', 'IPv6'],
      ports: [{ port: 80, targetPort: 9376 }],
      ...spec,
    },
  };
}

const node = (name: string, labels: Record<string, string> = {}): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels },
});
const slicesFor = (service: Service, pods: readonly Pod[], ...nodes: readonly Node[]) =>
  desiredSlices(service, pods, (name) => [node('node1'), ...nodes].findLast(({ metadata }) => metadata.name === name));

describe('the slices of a Service', () => {
  it('have a group per family, each with the addresses of that family', () => {
    const { groups } = slicesFor(service(), [pod('a')]);
    assert.deepEqual(
      groups.map(({ addressType, endpoints, ports }) => [addressType, endpoints[0]?.addresses, ports]),
      [
        ['IPv4', ['10.244.0.2'], [{ name: '', protocol: 'TCP', port: 9376 }]],
        ['IPv6', ['fd00:10:244::2'], [{ name: '', protocol: 'TCP', port: 9376 }]],
      ],
    );
  });

  const cases: [string, PodOptions, Partial<NonNullable<Service['spec']>>, object | undefined][] = [
    ['ready', {}, {}, { ready: true, serving: true, terminating: false }],
    ['not ready', { ready: false }, {}, { ready: false, serving: false, terminating: false }],
    ['ending and still serving', { deleting: true }, {}, { ready: false, serving: true, terminating: true }],
    [
      'not ready, and published anyway',
      { ready: false },
      { publishNotReadyAddresses: true },
      { ready: true, serving: false, terminating: false },
    ],
    ['failed', { phase: 'Failed' }, {}, undefined],
    ['succeeded', { phase: 'Succeeded' }, {}, undefined],
    ['without an address', { ips: [] }, {}, undefined],
  ];
  for (const [name, options, spec, expected] of cases) {
    it(`show a pod that is ${name} as ${expected ? JSON.stringify(expected) : 'nothing'}`, () => {
      const [group] = slicesFor(service(spec), [pod('a', options)]).groups;
      assert.deepEqual(group?.endpoints[0]?.conditions, expected);
    });
  }

  it('are apart for pods whose named port has different numbers', () => {
    const named = service({ ipFamilies: ['IPv4'], ports: [{ port: 80, targetPort: 'http', name: 'web' }] });
    const pods = [pod('a', { port: ['http', 8080] }), pod('b', { port: ['http', 9090], ips: ['10.244.0.3'] })];
    const ports = slicesFor(named, pods).groups.map((group) => group.ports.map(({ port }) => port));
    assert.deepEqual(ports, [[8080], [9090]]);
  });

  it('tell where an endpoint is, and the Service, its manager and its labels', () => {
    const desired = slicesFor(service({ clusterIP: 'None' }), [pod('a')]);
    const endpoint = desired.groups[0]?.endpoints[0];
    assert.equal(endpoint?.nodeName, 'node1');
    assert.deepEqual(endpoint?.targetRef, { kind: 'Pod', namespace: 'ns', name: 'a', uid: 'uid-a' });
    assert.deepEqual(desired.labels, {
      team: 'a',
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      'service.kubernetes.io/headless': '',
    });
  });

  const zoned = node('node1', { 'topology.kubernetes.io/zone': 'west' });
  const hints: [string, Service, object | undefined][] = [
    ['without trafficDistribution: none', service(), undefined],
    ['for PreferClose: the zone', service({ trafficDistribution: 'PreferClose' }), { forZones: [{ name: 'west' }] }],
    [
      'for PreferSameZone: the zone',
      service({ trafficDistribution: 'PreferSameZone' }),
      { forZones: [{ name: 'west' }] },
    ],
    [
      'for PreferSameNode: the node, and the zone as the second choice',
      service({ trafficDistribution: 'PreferSameNode' }),
      { forZones: [{ name: 'west' }], forNodes: [{ name: 'node1' }] },
    ],
    [
      'when an annotation asks for another rule: none',
      {
        ...service({ trafficDistribution: 'PreferClose' }),
        metadata: { name: 'web', namespace: 'ns', annotations: { 'service.kubernetes.io/topology-mode': 'Auto' } },
      },
      undefined,
    ],
  ];
  for (const [name, of, expected] of hints) {
    it(`hint where an endpoint is best used from, ${name}`, () => {
      const [group] = slicesFor(of, [pod('a')], zoned).groups;
      assert.equal(group?.endpoints[0]?.zone, 'west');
      assert.deepEqual(group?.endpoints[0]?.hints, expected);
    });
  }

  it('hint no zone for an endpoint whose node has none', () => {
    const [group] = slicesFor(service({ trafficDistribution: 'PreferClose' }), [pod('a')]).groups;
    assert.deepEqual([group?.endpoints[0]?.zone, group?.endpoints[0]?.hints], [undefined, undefined]);
  });

  it('leave out a pod whose node is gone, unless readiness is of no account', () => {
    const lost = { ...pod('a'), spec: { ...pod('a').spec, nodeName: 'gone' } };
    const shown = (of: Service) => slicesFor(of, [lost]).groups[0]?.endpoints.length;
    assert.equal(shown(service()), 0);
    assert.equal(shown(service({ publishNotReadyAddresses: true })), 1);
  });

  it('find a named port in a sidecar, and not in an init container that ends', () => {
    const named = service({ ipFamilies: ['IPv4'], ports: [{ port: 80, targetPort: 'http' }] });
    const withInit = (restartPolicy: string | undefined): Pod => ({
      ...pod('a'),
      spec: {
        nodeName: 'node1',
        containers: [{ name: 'c' }],
        initContainers: [
          { name: 'i', ports: [{ name: 'http', containerPort: 8080 }], ...(restartPolicy ? { restartPolicy } : {}) },
        ],
      },
    });
    const portsOf = (of: Pod) => slicesFor(named, [of]).groups[0]?.ports.map(({ port }) => port);
    assert.deepEqual(portsOf(withInit('Always')), [8080]);
    assert.deepEqual(portsOf(withInit(undefined)), []);
  });

  it('are left to others without a selector, and for a Service that is only a name', () => {
    assert.equal(hasOwnSlices(service({ selector: {} })), false);
    assert.equal(hasOwnSlices(service({ type: 'ExternalName' })), false);
    assert.equal(hasOwnSlices(service()), true);
  });
});
