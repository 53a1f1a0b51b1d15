/**
 * `npm run lab:ha`: three servers on a three-member etcd and three nodes, each machine a set of namespaces; virtual machines behind a
 * Service; and what becomes of all when a whole machine is lost. `-- --keep` leaves it running, and says how to break more.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Lease } from '../src/api/coordination/v1/lease.ts';
import { Progress } from '../src/cli/progress.ts';
import { Cluster, example, GUESTS, NAMESPACE, NODE_PORT } from '../src/cli/quickstart/cluster.ts';
import { endpointsOf, nodes, url, whyNotReady } from '../src/cli/quickstart/look.ts';
import { clusterPaths } from '../src/cli/quickstart/quickstart.ts';
import { checkTable, textListener } from '../src/cli/quickstart/report.ts';
import { withLabel } from '../src/cli/quickstart/steps.ts';
import { Walk } from '../src/cli/quickstart/walk.ts';
import { endSignal } from '../src/cli/signals.ts';
import { labOptions } from '../src/cli/wiring/lab.ts';
import { requireLab } from '../src/cli/wiring/requirements.ts';
import { createClient } from '../src/client/http-client.ts';
import { loadKubeconfig } from '../src/client/kubeconfig.ts';
import { labDown, labUp } from '../src/lab/lab.ts';

/** Milliseconds for what waits for guests to boot, and for what does not. */
const BOOT_LIMIT = 90_000;
const API_LIMIT = 20_000;
const LEADER = { namespace: 'kube-system', name: 'postern-controllers' };

interface Step {
  readonly title: string;
  run(cluster: Cluster): Promise<void>;
}

const STEPS: readonly Step[] = [
  { title: 'The servers, as the API and the lab tell of them', run: showServers },
  { title: 'Virtual machines behind a Service', run: serve },
  { title: 'The machine of the server whose controllers lead is lost, with its member of the etcd', run: loseServer },
  { title: 'It comes back', run: bringServerBack },
];

/** What is worth trying by hand. */
const BREAK = (dir: string): string => `
The lab goes on running in ${dir}. To go on from here:

  export KUBECONFIG=${dir}/kubeconfig
  ./postern lab status --dir ${dir}
  ./postern lab exec --dir ${dir} client -- curl -s http://192.168.77.11:${NODE_PORT}/

To break it, and to see what becomes of it:

  ./postern lab stop --dir ${dir} --kill server1            # an API server crashes
  ./postern lab stop --dir ${dir} --kill server2.etcd       # a member of the etcd crashes; another, and there is no quorum
  ./postern lab start --dir ${dir} server1 server2.etcd
  ./postern lab cut --dir ${dir} node1 server1,server2,server3
  ./postern lab cut --dir ${dir} --one-way node2 node3
  ./postern lab cut --dir ${dir} --loss 5% server1 server2,server3
  ./postern lab heal --dir ${dir}
  kubectl get leases --all-namespaces --watch

To end it:

  ./postern lab down --dir ${dir}
`;

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { keep: { type: 'boolean' }, dir: { type: 'string' } } });
  const signal = endSignal();
  const walk = new Walk(textListener(process.stdout), signal);
  const dir = values.dir ?? (await mkdtemp(join(tmpdir(), 'postern-ha-')));
  await requireLab(dir);
  let kept = false;
  try {
    await walk.step(0, 'Three servers, an etcd of three members, three nodes and a client', async () => {
      walk.say(`./postern lab up --dir ${dir} --servers 3 --nodes 3`);
      const options = labOptions({ dir, servers: 3, nodes: 3, ipFamilies: ['IPv4', 'IPv6'], timeout: 120_000 });
      await new Progress(process.stderr).during('lab', (tell) => labUp(options, tell, signal));
      walk.check('the API answers and three nodes are ready', true);
    });
    if (walk.ok) await walkThrough(walk, dir);
    kept = values.keep === true;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    if (!kept) await labDown(dir);
    if (!kept && values.dir === undefined) await rm(dir, { recursive: true, force: true });
  }
  if (signal.aborted) return 130;
  process.stdout.write(`\n${checkTable(walk.steps)}\n`);
  if (kept) process.stdout.write(BREAK(dir));
  else process.stdout.write('\nTo keep it running, and to break it by hand: npm run lab:ha -- --keep\n');
  return walk.ok ? 0 : 1;
}

/** What comes after a step that failed would only fail for want of it. */
async function walkThrough(walk: Walk, dir: string): Promise<void> {
  const client = createClient(await loadKubeconfig(join(dir, 'kubeconfig')));
  try {
    const cluster = new Cluster(walk, client, clusterPaths(dir));
    for (const [i, { title, run }] of STEPS.entries()) {
      if (walk.ok) await walk.step(i + 1, title, () => run(cluster));
    }
  } finally {
    client.close();
  }
}

async function showServers(cluster: Cluster): Promise<void> {
  await cluster.postern(['lab', 'status', '--dir', cluster.paths.dir]);
  await cluster.kubectl(['get', 'nodes', '-o', 'wide']);
  await cluster.kubectl(['get', 'leases', '--namespace', 'kube-system']);
  await cluster.kubectl(['get', 'endpointslices', '--field-selector', 'metadata.name=kubernetes']);
  const leader = await leadingServer(cluster);
  cluster.walk.check('the controllers of one server lead', leader !== undefined, leader);
}

async function serve(cluster: Cluster): Promise<void> {
  const { walk } = cluster;
  await cluster.kubectl(['apply', '-f', example(cluster, 'example-namespace.yaml')]);
  await cluster.kubectl(['apply', '-f', example(cluster, 'example-service.yaml')]);
  await cluster.kubectl(['apply', '-f', '-'], {
    shown: 'kubectl apply -f - # examples/example-vm.yaml with the label that the Service selects',
    input: withLabel(await readFile(example(cluster, 'example-vm.yaml'), 'utf8')),
  });
  const why = () => whyNotReady(cluster, GUESTS);
  await walk.until('both guests to become endpoints', BOOT_LIMIT, () => endpointsOf(cluster, GUESTS), why);
  await cluster.kubectl(['get', 'virtualmachineinstances,services,endpointslices', '-n', NAMESPACE]);
  await everyNodeAnswers(cluster);
}

async function loseServer(cluster: Cluster): Promise<void> {
  const { walk } = cluster;
  const lost = (await leadingServer(cluster)) ?? '';
  await cluster.postern(['lab', 'stop', '--dir', cluster.paths.dir, '--kill', lost, `${lost}.etcd`]);
  await everyNodeAnswers(cluster);
  const next = await walk.until('other controllers to lead', API_LIMIT, async () => {
    const leader = await leadingServer(cluster).catch(() => undefined);
    return leader === lost ? undefined : leader;
  });
  walk.check(`the controllers of ${next} have taken over`, true);
  await cluster.kubectl(['create', 'namespace', 'after-the-loss']);
  const made = await cluster.kubectl(['get', 'namespace', 'after-the-loss']);
  walk.check('the API writes and reads', made.code === 0, made.output);
}

async function bringServerBack(cluster: Cluster): Promise<void> {
  const { walk } = cluster;
  const lost = ['server1', 'server2', 'server3'];
  const started = await cluster.postern(['lab', 'start', '--dir', cluster.paths.dir, ...both(lost)], {
    shown: './postern lab start --dir DIR SERVER.etcd SERVER',
  });
  walk.check('it is ready again', started.code === 0, started.output);
  await cluster.postern(['lab', 'status', '--dir', cluster.paths.dir]);
  const ready = await cluster.kubectl(['get', '--raw', '/readyz']);
  walk.check('the API says that it is ready', ready.code === 0, ready.output);
  await everyNodeAnswers(cluster);
}

const both = (servers: readonly string[]): readonly string[] => servers.flatMap((name) => [`${name}.etcd`, name]);

/** The client asks every node for the Service. */
async function everyNodeAnswers(cluster: Cluster): Promise<void> {
  for (const { name, addresses } of await nodes(cluster)) {
    const [address = ''] = addresses;
    const { output } = await cluster.at('client', ['curl', '-sS', '-m', '5', url(address, NODE_PORT)], { quiet: true });
    cluster.walk.check(
      `${name} answers for the Service`,
      (GUESTS as readonly string[]).includes(output.trim()),
      output,
    );
  }
}

/** The server whose controllers do the work. */
async function leadingServer({ client }: Cluster): Promise<string | undefined> {
  const { spec } = await client.get(Lease, LEADER);
  return /^server\d+/.exec(spec?.holderIdentity ?? '')?.[0];
}

process.exitCode = await main();
