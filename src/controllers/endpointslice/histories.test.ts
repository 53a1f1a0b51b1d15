/** Random histories of Services, pods and nodes, and what the slices and Endpoints must then say, worked out naively. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Endpoints } from '../../api/core/v1/endpoints.ts';
import { Node } from '../../api/core/v1/node.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import { Service } from '../../api/core/v1/service.ts';
import { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { keyOf } from '../../api/meta/v1.ts';
import { testSeed } from '../../lib/random.fixture.ts';
import { randomBelow, seededRandom } from '../../lib/random.ts';
import { endpointsController } from '../endpoints/endpoints.ts';
import { garbageCollector } from '../garbage-collection/garbage-collection.ts';
import { type World, world } from '../testing.ts';
import { endpointSliceController } from './endpointslice.ts';

const STEPS = 80;
const NAMES = ['a', 'b', 'c'];
const NODES = ['n1', 'n2'];
const FAMILIES = ['IPv4', 'IPv6'] as const;

type Below = (below: number) => number;

function pick<T>(below: Below, from: readonly T[]): T {
  return from[below(from.length)] as T;
}

function randomService(below: Below, name: string): Service {
  const ipFamilies = pick(below, [['IPv4'], ['IPv6'], ['IPv4', 'IPv6'], ['IPv6', 'IPv4']] as const);
  const trafficDistribution = pick(below, [undefined, 'PreferClose', 'PreferSameNode'] as const);
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'ns' },
    spec: {
      selector: { app: pick(below, NAMES) },
      ipFamilies,
      ports: [{ port: 80, protocol: 'TCP', targetPort: pick(below, [8080, 'http'] as const) }],
      publishNotReadyAddresses: below(4) === 0,
      ...(trafficDistribution === undefined ? {} : { trafficDistribution }),
    },
  };
}

function randomPod(below: Below, number: number): Pod {
  const ips = [`10.244.0.${number + 1}`, `fd00::${number + 1}`].slice(0, 1 + below(2));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `p${number}`,
      namespace: 'ns',
      uid: `uid-${number}`,
      labels: { app: pick(below, NAMES) },
      ...(below(6) === 0 ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: {
      nodeName: pick(below, NODES),
      containers: [{ name: 'c', ports: below(2) === 0 ? [] : [{ name: 'http', containerPort: 8000 + below(2) }] }],
    },
    status: {
      phase: pick(below, ['Running', 'Running', 'Running', 'Failed']),
      conditions: [{ type: 'Ready', status: pick(below, ['True', 'True', 'False']) }],
      podIPs: ips.map((ip) => ({ ip })),
    },
  };
}

async function disturb(below: Below, w: World): Promise<void> {
  const name = pick(below, NAMES);
  const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name: pick(below, NODES) } };
  switch (below(8)) {
    case 0:
      w.client.seed(randomService(below, name));
      break;
    case 1:
      if (await w.find(Service, { namespace: 'ns', name })) w.client.remove(Service, { namespace: 'ns', name });
      break;
    case 2: {
      const zone = pick(below, ['east', 'west']);
      w.client.seed({ ...node, metadata: { ...node.metadata, labels: { 'topology.kubernetes.io/zone': zone } } });
      break;
    }
    case 3:
      if (await w.find(Node, keyOf(node))) w.client.remove(Node, keyOf(node));
      break;
    case 4: {
      const pods = await w.all(Pod);
      if (pods.length > 0) w.client.remove(Pod, keyOf(pick(below, pods)));
      break;
    }
    case 5: {
      const slices = await w.all(EndpointSlice);
      if (slices.length > 0) w.client.remove(EndpointSlice, keyOf(pick(below, slices)));
      break;
    }
    default:
      w.client.seed(randomPod(below, below(12)));
  }
}

interface Expected {
  readonly slices: readonly string[];
  readonly endpoints: readonly string[];
}

/** What must be said of a Service, line by line: every rule once more, in the plainest way. */
async function model(w: World, service: Service): Promise<Expected> {
  const {
    selector,
    ipFamilies = [],
    ports = [],
    publishNotReadyAddresses: publish,
    trafficDistribution,
  } = service.spec ?? {};
  const nodes = await w.all(Node);
  const lines: string[] = [];
  const endpoints: string[] = [];
  for (const { metadata, spec, status } of await w.all(Pod)) {
    if (metadata.labels?.['app'] !== selector?.['app'] || status?.phase === 'Failed') continue;
    const [named] = spec?.containers?.[0]?.ports ?? [];
    const port = ports[0]?.targetPort === 'http' ? named?.containerPort : 8080;
    const serving = status?.conditions?.[0]?.status === 'True';
    const terminating = metadata.deletionTimestamp !== undefined;
    const ready = publish === true || (serving && !terminating);
    const node = nodes.find((each) => each.metadata.name === spec?.nodeName);
    const zone = node?.metadata.labels?.['topology.kubernetes.io/zone'] ?? '';
    const hints = trafficDistribution && zone ? zone : '';
    const nodeHint = trafficDistribution === 'PreferSameNode' ? spec?.nodeName : '';
    for (const family of FAMILIES) {
      const ip = (status?.podIPs ?? [])
        .map((each) => each.ip)
        .find((each) => each.includes(':') === (family === 'IPv6'));
      if (!ipFamilies.includes(family) || ip === undefined) continue;
      const line = [family, ip, port ?? '', ready, serving, terminating, zone, hints, nodeHint];
      if (node !== undefined || publish) lines.push(line.join('|'));
      const shown = !terminating || publish;
      if (family === ipFamilies[0] && port !== undefined && shown) {
        endpoints.push([ip, port, publish === true || serving].join('|'));
      }
    }
  }
  return { slices: lines.sort(), endpoints: endpoints.sort() };
}

async function found(w: World, service: Service): Promise<Expected> {
  const { name = '' } = service.metadata;
  const slices = (await w.all(EndpointSlice)).filter(
    ({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === name,
  );
  const object = await w.find(Endpoints, { namespace: 'ns', name });
  return {
    slices: slices
      .flatMap(({ addressType, endpoints, ports = [] }) =>
        endpoints.map(({ addresses, conditions, zone = '', hints }) => {
          const { ready, serving, terminating } = conditions ?? {};
          const [zones, nodes] = [hints?.forZones?.[0]?.name ?? '', hints?.forNodes?.[0]?.name ?? ''];
          return [
            addressType,
            addresses[0],
            ports[0]?.port ?? '',
            ready,
            serving,
            terminating,
            zone,
            zones,
            nodes,
          ].join('|');
        }),
      )
      .sort(),
    endpoints: (object?.subsets ?? [])
      .flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }) => [
        ...addresses.map(({ ip }) => [ip, ports[0]?.port, true].join('|')),
        ...notReadyAddresses.map(({ ip }) => [ip, ports[0]?.port, false].join('|')),
      ])
      .sort(),
  };
}

describe('through any history of Services, pods and nodes', () => {
  const first = testSeed();
  for (const seed of [first, first + 1, first + 2]) {
    it(`slices and Endpoints say what a plain model says (POSTERN_SEED=${seed})`, async () => {
      const random = seededRandom(seed);
      const below = (count: number) => randomBelow(random, count);
      const w = await world([], endpointSliceController, endpointsController, garbageCollector);
      for (let step = 0; step < STEPS; step++) {
        await disturb(below, w);
        if (below(3) > 0) continue;
        await w.settle(); // Heard of first: Endpoints wait half a second from then on.
        await w.pass(1000);
        for (const service of await w.all(Service)) {
          assert.deepEqual(await found(w, service), await model(w, service), `step ${step}, ${service.metadata.name}`);
        }
        const owners = new Set((await w.all(Service)).map(({ metadata }) => metadata.name));
        const slices = await w.all(EndpointSlice);
        assert.ok(slices.every(({ metadata }) => owners.has(metadata.labels?.['kubernetes.io/service-name'] ?? '')));
      }
      await w.stop();
    });
  }
});
