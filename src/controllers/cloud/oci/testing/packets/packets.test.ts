import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestCloud } from '../test-cloud.ts';

const CLIENT = '203.0.113.5';
const HEALTH = { protocol: 'HTTP', urlPath: '/healthz', port: 10256, returnCode: 200 } as const;

/** A list of rules, and nothing besides them. */
function lists(cloud: TestCloud, rules: { readonly lb?: readonly Open[]; readonly nodes?: readonly Open[] }) {
  const { securityLists, subnet1, nodeSubnet } = cloud.world;
  const set = (subnet: string, opened: readonly Open[]) =>
    cloud.state.securityLists.patch(securityLists[subnet] ?? '', {
      ingressSecurityRules: opened.map(([source, port]) => ({
        protocol: '6',
        source,
        tcpOptions: { destinationPortRange: { min: port, max: port } },
      })),
    });
  set(subnet1, rules.lb ?? []);
  set(nodeSubnet, rules.nodes ?? []);
}

type Open = readonly [source: string, port: number];

async function balanced(isPreserveSource: boolean) {
  const cloud = new TestCloud({ nodes: ['one'], pace: { kind: 'polls', count: 0 } });
  const { compartmentId, subnet1: subnetId } = cloud.world;
  await cloud.calls().networkLoadBalancer.createNetworkLoadBalancer({
    createNetworkLoadBalancerDetails: {
      compartmentId,
      subnetId,
      displayName: 'web',
      isPrivate: false,
      listeners: { web: { name: 'web', defaultBackendSetName: 'web', port: 80, protocol: 'TCP' } },
      backendSets: {
        web: {
          policy: 'FIVE_TUPLE',
          isPreserveSource,
          healthChecker: HEALTH,
          backends: [{ targetId: cloud.nodes[0]?.instanceId ?? '', port: 30080 }],
        },
      },
    },
  });
  const to = cloud.state.networkLoadBalancers.all()[0]?.ipAddresses[0]?.ipAddress ?? '';
  return { cloud, ask: (port = 80) => cloud.arrival({ from: CLIENT, to, protocol: 'TCP', port }) };
}

test('a node is reached from where its lists or its groups let in', () => {
  const cloud = new TestCloud();
  cloud.addNode({ name: 'one', publicIp: '198.51.100.7' });
  const ask = (from: string, port: number) => cloud.arrival({ from, to: '198.51.100.7', protocol: 'TCP', port });
  lists(cloud, { nodes: [['203.0.113.0/24', 30080]] });
  assert.deepEqual(ask(CLIENT, 30080), { at: ['198.51.100.7:30080'], lost: [] });
  assert.match(ask('192.0.2.1', 30080).lost[0] ?? '', /INGRESS of .* in nodes: nothing lets TCP 30080 through/);
  assert.deepEqual(ask(CLIENT, 30081).at, []);
  assert.deepEqual(cloud.arrival({ from: CLIENT, to: '192.0.2.9', protocol: 'TCP', port: 1 }).lost, [
    'nothing has 192.0.2.9',
  ]);
});

test('through a load balancer everything on the way has to let it through, health checks too', async () => {
  const { cloud, ask } = await balanced(false);
  const prefix = '10.0.16.0/20';
  const steps: [Parameters<typeof lists>[1], RegExp][] = [
    [{}, /INGRESS of web in lb1/],
    [{ lb: [['0.0.0.0/0', 80]] }, /in nodes: nothing lets TCP 30080/],
    [{ lb: [['0.0.0.0/0', 80]], nodes: [[prefix, 30080]] }, /health check: .* TCP 10256/],
    [
      {
        lb: [['0.0.0.0/0', 80]],
        nodes: [
          ['10.0.16.0/24', 30080],
          [prefix, 10256],
        ],
      },
      /TCP 30080/,
    ],
  ];
  for (const [rules, why] of steps) {
    lists(cloud, rules);
    assert.match(ask().lost[0] ?? '', why);
  }
  lists(cloud, {
    lb: [['0.0.0.0/0', 80]],
    nodes: [
      [prefix, 30080],
      [prefix, 10256],
    ],
  });
  assert.deepEqual(ask(), { at: ['10.0.0.10:30080'], lost: [] });
});

test('a load balancer that leaves the source as it is needs nodes that let clients in', async () => {
  const { cloud, ask } = await balanced(true);
  const common: readonly Open[] = [['10.0.16.0/20', 10256]];
  lists(cloud, { lb: [['0.0.0.0/0', 80]], nodes: [...common, ['10.0.16.0/20', 30080]] });
  assert.deepEqual(ask().at, []);
  lists(cloud, { lb: [['0.0.0.0/0', 80]], nodes: [...common, ['0.0.0.0/0', 30080]] });
  assert.deepEqual(ask().at, ['10.0.0.10:30080']);
  lists(cloud, { lb: [['0.0.0.0/0', 81]], nodes: [...common, ['0.0.0.0/0', 30080]] });
  assert.deepEqual(ask(81).lost, ['web has no listener for TCP 81']);
});
