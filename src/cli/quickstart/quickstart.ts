/** Runs the walkthrough on a lab of its own, and takes the lab away again unless it is to be kept. */
import { mkdtemp, rm } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Service } from '../../api/core/v1/service.ts';
import { createClient } from '../../client/http-client.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { labDown, labUp } from '../../lab/lab.ts';
import { printDuration } from '../../lib/duration.ts';
import { Progress } from '../progress.ts';
import { PROGRAM, PROGRAM_DIR } from '../wiring/defaults.ts';
import { labOptions } from '../wiring/lab.ts';
import { requireLab } from '../wiring/requirements.ts';
import { Cluster, type ClusterPaths, NAMESPACE } from './cluster.ts';
import { broughtKubectl, goOn, type KeptCluster } from './go-on.ts';
import { url } from './look.ts';
import { checkTable, quietListener, textListener } from './report.ts';
import { STEPS } from './steps.ts';
import { type StepRecord, Walk } from './walk.ts';

export interface QuickstartOptions {
  readonly keep: boolean;
  readonly json: boolean;
  readonly dir: string | undefined;
}

/** The walkthrough's steps that leave the guests and the Service standing: all but the last. */
const KEPT_STEPS = STEPS.length - 1;

/** Returns the exit status: 0 only when every check held. */
export async function quickstart(options: QuickstartOptions, signal: AbortSignal): Promise<number> {
  const started = performance.now();
  const out = options.json ? quietListener : textListener(process.stdout);
  const walk = new Walk(out, signal);
  // What this machine lacks is told before anything is begun.
  await requireLab(options.dir ?? tmpdir());
  const dir = resolve(options.dir ?? (await mkdtemp(join(tmpdir(), 'postern-'))));
  const before = hostInterfaces();
  let kept = false;
  try {
    await walk.step(0, 'A cluster of three nodes, a LAN, and a client outside', async () => {
      walk.say(`./postern lab up --dir ${dir} --nodes 3`);
      await labUpShown(dir, walk, options.json, signal);
    });
    if (walk.ok) {
      await walkThrough(walk, clusterPaths(dir), options.keep ? KEPT_STEPS : STEPS.length);
      kept = options.keep;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    if (!options.json) process.stdout.write('\nInterrupted: taking everything down.\n');
  } finally {
    if (!kept) await takeDown(walk, dir, options, before, signal);
  }
  if (signal.aborted) return 130;
  printEnd(walk, options, kept ? clusterPaths(dir) : undefined, performance.now() - started);
  if (kept && !options.json) process.stdout.write(goOn(await keptCluster(dir)));
  return walk.ok ? 0 : 1;
}

/** Runs the first `count` steps against the lab of `paths`. Tests run the same steps. */
async function walkThrough(
  walk: Walk,
  paths: ClusterPaths,
  count: number,
  each: (record: StepRecord) => void = () => {},
): Promise<void> {
  const client = createClient(await loadKubeconfig(paths.kubeconfig));
  try {
    const cluster = new Cluster(walk, client, paths);
    for (const [i, step] of STEPS.slice(0, count).entries()) {
      const record = await walk.step(i + 1, step.title, () => step.run(cluster));
      each(record);
      // What comes after a step that failed would only fail for want of it.
      if (record.checks.some((check) => !check.ok)) return;
    }
  } finally {
    client.close();
  }
}

/** Where things are for a lab in `dir`. */
export function clusterPaths(dir: string): ClusterPaths {
  return {
    dir,
    kubeconfig: join(dir, 'kubeconfig'),
    postern: [PROGRAM],
    examples: join(PROGRAM_DIR, 'examples'),
  };
}

async function labUpShown(dir: string, walk: Walk, silent: boolean, signal: AbortSignal): Promise<void> {
  const progress = new Progress(process.stderr);
  const up = (tell: (detail: string) => void) =>
    labUp(labOptions({ dir, nodes: 3, ipFamilies: ['IPv4', 'IPv6'] }), tell, signal);
  await (silent ? up(() => {}) : progress.during('lab', up));
  walk.check('the API answers and three nodes are ready', true);
}

async function takeDown(
  walk: Walk,
  dir: string,
  options: QuickstartOptions,
  before: string,
  signal: AbortSignal,
): Promise<void> {
  const down = async () => {
    await labDown(dir);
    if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
  };
  if (signal.aborted) {
    await down();
    return;
  }
  await walk.step(STEPS.length + 1, 'The cluster taken down', async () => {
    walk.say(`./postern lab down --dir ${dir}`);
    await down();
    const after = hostInterfaces();
    walk.check('this machine’s interfaces are as they were', after === before, after);
  });
}

/** The machine's own interfaces, as one comparable text. */
function hostInterfaces(): string {
  return Object.keys(networkInterfaces()).sort().join(' ');
}

function printEnd(walk: Walk, options: QuickstartOptions, kept: ClusterPaths | undefined, milliseconds: number): void {
  if (options.json) {
    const result = {
      ok: walk.ok,
      milliseconds: Math.round(milliseconds),
      dir: kept?.dir,
      kubeconfig: kept?.kubeconfig,
    };
    process.stdout.write(`${JSON.stringify({ ...result, steps: walk.steps }, null, 2)}\n`);
    return;
  }
  process.stdout.write(`\n${checkTable(walk.steps)}\n\n`);
  const count = walk.steps.flatMap((step) => step.checks).length;
  const closer = kept === undefined ? ' `npm run quickstart -- --keep` leaves the cluster for a closer look.' : '';
  process.stdout.write(
    walk.ok
      ? `All ${count} checks hold. It took ${printDuration(milliseconds)}.\n`
      : `Not every check holds: see NOT OK above.${closer}\n`,
  );
}

async function keptCluster(dir: string): Promise<KeptCluster> {
  const client = createClient(await loadKubeconfig(clusterPaths(dir).kubeconfig));
  try {
    // A walkthrough that stopped early may have no Service yet, or none with an address of the LAN.
    const { items } = await client.list(Service, { namespace: NAMESPACE });
    const address = items.flatMap(({ status }) => status?.loadBalancer?.ingress ?? [])[0]?.ip;
    return {
      dir,
      url: address === undefined ? 'http://ADDRESS/' : url(address),
      tools: broughtKubectl(process.env['PATH'] ?? '', join(PROGRAM_DIR, '.cache', 'tools')),
    };
  } finally {
    client.close();
  }
}
