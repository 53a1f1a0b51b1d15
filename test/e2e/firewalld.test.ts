/**
 * A cluster whose nodes run firewalld and drop what is not let in: what Services expose is open, from the walkthrough's manifests
 * to the last clean-up, and nothing else is; whatever happens to firewalld, agents and nodes meanwhile.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { Event } from '../../src/api/core/v1/event.ts';
import { Node } from '../../src/api/core/v1/node.ts';
import { Service } from '../../src/api/core/v1/service.ts';
import { isTrue } from '../../src/api/meta/conditions.ts';
import {
  CLIENT_GUEST,
  Cluster,
  example,
  GUESTS,
  NAMESPACE,
  NODE_PORT,
  SERVICE,
} from '../../src/cli/quickstart/cluster.ts';
import { endpointsOf, instance } from '../../src/cli/quickstart/look.ts';
import { clusterPaths } from '../../src/cli/quickstart/quickstart.ts';
import { quietListener } from '../../src/cli/quickstart/report.ts';
import { STEPS, withLabel } from '../../src/cli/quickstart/steps.ts';
import { Walk } from '../../src/cli/quickstart/walk.ts';
import { skipWithoutPrograms } from '../../src/host/testing/in-namespace.ts';
import { ADDRESSES, answers, bare, isSilent, untilSilent, urlOf, urlsAt } from './firewalld/client.ts';
import { naming, untilClosed, untilOpened } from './firewalld/openings.ts';
import { eventually, NODES, type NodeName, World, ZONES } from './firewalld/world.ts';

const skip = skipWithoutPrograms('firewalld', 'firewall-cmd', 'dbus-daemon', 'dbus-send');

const BOOT_LIMIT = 60_000;
/** The only guest behind the Service: it and its client are on different nodes. */
const [SERVER] = GUESTS;
/** Milliseconds after which what is closed has to be closed on every node: it takes half a second, on a busy machine several times that. */
const AT_ONCE = 5000;
/** Of the Service in examples/firewall/enforce.yaml. */
const GUARDED_PORT = 30_001;
/** Of the Service that asks for health checks, which end at the node and so depend on its firewall alone. */
const HEALTH_PORT = 32_100;

let world: World;
let cluster: Cluster;

before(async () => {
  if (skip !== false) return;
  world = await World.open();
  const walk = new Walk(quietListener, new AbortController().signal);
  cluster = new Cluster(walk, world.client, clusterPaths(world.dir));
});

after(() => world?.close());

/** Told in turn: each finds the world as the last one left it. */
function story(name: string, tell: () => Promise<void>): void {
  test(name, { skip }, async () => {
    try {
      await tell();
    } catch (cause) {
      throw new Error(`${cause instanceof Error ? cause.message : cause}\n${await world.logs()}`, { cause });
    }
  });
}

const nodePorts = (...nodes: readonly NodeName[]) => urlsAt(nodes, NODE_PORT);
const healthPorts = (...nodes: readonly NodeName[]) => urlsAt(nodes, HEALTH_PORT);

const annotate = (annotation: string) =>
  world.kubectl(['annotate', 'service', SERVICE.name, '-n', NAMESPACE, annotation]);

/** URLs of the Service at its addresses of the LAN. */
async function balanced(): Promise<readonly string[]> {
  const { status } = await world.client.get(Service, SERVICE);
  return (status?.loadBalancer?.ingress ?? []).map(({ ip = '' }) => urlOf(ip));
}

async function walkStep(title: RegExp): Promise<void> {
  const step = STEPS.find((one) => title.test(one.title));
  assert.ok(step, `the walkthrough has a step ${title}`);
  const record = await cluster.walk.step(0, step.title, () => step.run(cluster));
  assert.ok(record.checks.length > 0);
  assert.deepEqual(
    record.checks.filter(({ ok }) => !ok),
    [],
  );
}

story('before Postern runs, nodes let in what their administrator has opened, and nothing else', async () => {
  for (const node of NODES) {
    const { name, target } = ZONES[node];
    const asSet = new RegExp(`^${name}.*\\n  target: ${target}\\n(?:  .*\\n)*?  ports: 9999/tcp\\n`, 'm');
    assert.match(world.before.get(node) ?? '', asSet);
  }
  await isSilent(world, nodePorts(...NODES));
});

story('guests get addresses and names, and reach a Service whose guest is on another node', async () => {
  await Promise.all([world.openGate('node1'), world.openGate('node2')]);
  await eventually('two nodes', async () => {
    const { items } = await world.client.list(Node, {});
    return items.filter(({ status }) => isTrue(status?.conditions, 'Ready')).length === 2 ? true : undefined;
  });
  const files = ['example-namespace.yaml', 'client-vm.yaml', 'example-service.yaml', 'lan-pool.yaml'];
  await world.kubectl(['apply', ...files.flatMap((file) => ['-f', example(cluster, file)])]);
  const [server = ''] = withLabel(await readFile(example(cluster, 'example-vm.yaml'), 'utf8')).split('---\n');
  await world.kubectl(['apply', '-f', '-'], server);
  await eventually('an endpoint', () => endpointsOf(cluster, [SERVER]), BOOT_LIMIT);
  const client = await eventually(
    'the client',
    async () => {
      const vmi = await instance(cluster, CLIENT_GUEST);
      return isTrue(vmi?.status?.conditions, 'Ready') ? vmi : undefined;
    },
    BOOT_LIMIT,
  );
  assert.notEqual(client.status?.nodeName, (await instance(cluster, SERVER))?.status?.nodeName);
  await walkStep(/From another virtual machine and from a node/);
});

story('the walkthrough works from outside: node ports, and addresses of the LAN, of both families', async () => {
  await walkStep(/From outside: the node port/);
  await walkStep(/From outside: an address of the LAN/);
  const addresses = (await balanced()).map(bare);
  assert.equal(addresses.length, 2);
  for (const node of ['node1', 'node2'] as const)
    await untilOpened(
      world,
      node,
      /port="30000" protocol="tcp" accept/,
      ...addresses.map((address) => naming(address)),
    );
  const isTried = /TCP 192\.168\.77\.11:30000 +anyone +node-port +\S+ +reached from node2, \S+ +open +Postern/;
  await eventually('another node reaches it, and nothing is blocked', async () => {
    const status = await world.at('node1', ...cluster.paths.postern, 'firewall', 'status');
    return (isTried.test(status) && !status.includes('blocked')) || undefined;
  });
});

story('what ends at the node itself is let in as well: health checks', async () => {
  await world.client.create(Service, {
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'checked', namespace: NAMESPACE } },
    spec: {
      ...{ type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: HEALTH_PORT },
      ...{ ipFamilyPolicy: 'PreferDualStack', selector: { special: 'key' } },
      ports: [{ port: 80, targetPort: 9376 }],
    },
  });
  await answers(world, healthPorts('node1', 'node2'));
});

story('whom a Service that enforces lets in, the zone decides, though addresses are translated before', async () => {
  const { node1, node2 } = { node1: urlsAt(['node1'], GUARDED_PORT), node2: urlsAt(['node2'], GUARDED_PORT) };
  await world.kubectl(['apply', '-f', example(cluster, 'firewall/enforce.yaml')]);
  await world.firewallCmd('node1', `--add-port=${GUARDED_PORT}/tcp`);
  await answers(world, node1);
  await isSilent(world, node2);
  await world.firewallCmd('node1', `--remove-port=${GUARDED_PORT}/tcp`);
  await untilSilent(world, node1);
});

story('a Service that comes to enforce is closed until it no longer does', async () => {
  const urls = [...nodePorts('node1', 'node2'), ...(await balanced())];
  await annotate('postern.dev/firewall=enforce');
  await untilSilent(world, urls);
  await annotate('postern.dev/firewall-');
  await answers(world, urls);
});

story('a Service may be opened on some nodes only, and another be left alone', async () => {
  await world.kubectl(['label', 'node', 'node1', 'zone=edge']);
  const files = ['left-alone', 'some-nodes'].map((file) => example(cluster, `firewall/${file}.yaml`));
  await world.kubectl(['apply', ...files.flatMap((file) => ['-f', file])]);
  await untilOpened(world, 'node1', /port port="30002"/);
  await untilClosed(world, 'node1', /port port="30003"/);
  await untilClosed(world, 'node2', /port port="3000[23]"/);
});

story('a node that joins is let in by the others, and opens what is exposed', async () => {
  await world.firewallCmd('node3', '--add-port=9998/tcp');
  await world.openGate('node3');
  await world.allUp();
  await untilOpened(world, 'node1', ...ADDRESSES.node3.map((address) => naming(address)));
  // Its traffic for guests goes through the firewalls of other nodes: it has none.
  await answers(world, [...nodePorts('node3'), ...healthPorts('node3')]);
});

story(
  'what its administrator has opened for now only is not lost by a reload of ours: it is left to them',
  async () => {
    const left = await eventually('the node says so', async () => {
      const { items } = await world.client.list(Event, { namespace: 'default' });
      return items.find(({ reason, involvedObject }) => reason === 'FirewallLeft' && involvedObject.name === 'node3');
    });
    assert.match(left.message ?? '', /zone drop would be another then.*firewall-cmd --reload/);
    assert.equal((await world.firewallCmd('node3', '--list-ports')).trim(), '9998/tcp 9999/tcp');
    assert.doesNotMatch(await world.firewallCmd('node3', '--get-zones'), /postern/);
    await world.firewallCmd('node3', '--reload');
    assert.equal((await world.firewallCmd('node3', '--zone=postern', '--list-interfaces')).trim(), 'postern0');
  },
);

story('nobody is told that something blocks what is open, or what is to be open to some only', async () => {
  const { items } = await world.client.list(Event, { namespace: NAMESPACE });
  assert.deepEqual(
    items.filter(({ reason }) => reason === 'FirewallBlocked').map(({ message }) => message),
    [],
  );
});

story('a reload of firewalld takes away nothing of ours', async () => {
  const opened = await world.opened('node1');
  await world.firewallCmd('node1', '--add-port=9998/tcp');
  await annotate('postern.dev/firewall=none');
  await untilClosed(world, 'node1', /port port="30000"/);
  await annotate('postern.dev/firewall-');
  await untilOpened(world, 'node1', /port port="30000"/);
  assert.match(await world.firewallCmd('node1', '--list-ports'), /9998\/tcp 9999\/tcp/);
  await world.firewallCmd('node1', '--reload');
  assert.deepEqual([...(await world.opened('node1'))].sort(), [...opened].sort());
  await answers(world, [...nodePorts('node1'), ...healthPorts('node1')]);
});

story('a firewalld that ends and starts again has it all again', async () => {
  const opened = await world.opened('node1');
  world.kill('node1.firewalld', 'SIGTERM');
  await world.restarts('node1.firewalld', 1);
  await eventually(
    'our rules are back',
    async () => (await world.opened('node1')).length === opened.length || undefined,
  );
  await answers(world, [...nodePorts('node1'), ...healthPorts('node1')]);
});

story('panic mode is left alone, and what was missed is made up for when it ends', async () => {
  await world.firewallCmd('node1', '--panic-on');
  await isSilent(world, [...nodePorts('node1'), ...healthPorts('node1')]);
  await world.kubectl(['create', 'service', 'nodeport', 'late', '-n', NAMESPACE, '--tcp=80', '--node-port=30077']);
  await untilOpened(world, 'node2', /port port="30077"/);
  await isSilent(world, nodePorts('node1'));
  await world.firewallCmd('node1', '--panic-off');
  await untilOpened(world, 'node1', /port port="30077"/);
  await answers(world, [...nodePorts('node1'), ...healthPorts('node1')]);
});

story('what is closed is closed at once: node ports and addresses of the LAN, on every node', async () => {
  const urls = [...nodePorts(...NODES), ...healthPorts(...NODES), ...(await balanced())];
  await answers(world, urls);
  const addresses = (await balanced()).map(bare);
  await world.kubectl(['delete', 'service', '-n', NAMESPACE, SERVICE.name, 'checked', 'late', 'edge']);
  const gone = new RegExp(`port port="(30000|30002|30077|${HEALTH_PORT})"|${naming(...addresses).source}`);
  await Promise.all(NODES.map((node) => untilClosed(world, node, gone, AT_ONCE)));
  await isSilent(world, urls);
});

story('a node that leaves is shut out by the others', async () => {
  await world.killAgent('node3');
  await world.client.delete(Node, { name: 'node3' });
  await Promise.all((['node1', 'node2'] as const).map((node) => untilClosed(world, node, naming(...ADDRESSES.node3))));
});

story('after a kill -9, what a node has opened stays, and a clean-up leaves its firewall as it was found', async () => {
  await Promise.all([world.killAgent('node1'), world.killAgent('node2')]);
  await untilOpened(world, 'node1', naming(ADDRESSES.node2[0]));
  await Promise.all(
    NODES.map(async (node) => {
      await world.at(node, ...cluster.paths.postern, 'firewall', 'cleanup');
      assert.equal(await world.dump(node), world.before.get(node));
    }),
  );
});
