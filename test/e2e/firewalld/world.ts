/**
 * A lab whose nodes run firewalld and drop or reject what is not let in, as an administrator has set them up before anything of
 * ours ran on them.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LAB_COMMANDS } from '../../../src/cli/wiring/lab.ts';
import { createClient } from '../../../src/client/http-client.ts';
import { loadKubeconfig } from '../../../src/client/kubeconfig.ts';
import { CommandError, runCommand } from '../../../src/host/process.ts';
import { type LabStatus, labDown, labStatus, labUp } from '../../../src/lab/lab.ts';
import { logTails, runAt } from '../lab.ts';

export const NODES = ['node1', 'node2', 'node3'] as const;
export type NodeName = (typeof NODES)[number];

/** Milliseconds that something may take to come about, and between two looks whether it has. */
const LIMIT = 60_000;
const LOOK_EVERY = 25;

/** All that firewalld was told, now and after a reload, what it told the kernel, and who else filters there. */
const DUMP = `
set -e
for what in zones policies; do
  firewall-cmd --list-all-$what
  firewall-cmd --permanent --list-all-$what
done
nft list tables | grep firewall
nft --stateless list table inet firewalld`;

/** The zone of a node's interfaces, and what it does with what nobody has opened: as firewalld has them by these names. */
export const ZONES: Readonly<Record<NodeName, { readonly name: string; readonly target: string }>> = {
  node1: { name: 'drop', target: 'DROP' },
  node2: { name: 'block', target: '%%REJECT%%' },
  node3: { name: 'drop', target: 'DROP' },
};

/** What the administrator has set there before anything of ours ran. */
const zoneFile = (target: string) => `<?xml version="1.0" encoding="utf-8"?>
<zone target="${target}">
  <port port="9999" protocol="tcp"/>
  <rule family="ipv4"><source address="192.168.77.2"/><service name="ssh"/><accept/></rule>
</zone>
`;

export class World {
  /** What the firewall of each node was before anything of ours ran there. */
  readonly before = new Map<NodeName, string>();
  readonly dir: string;
  readonly client: ReturnType<typeof createClient>;
  readonly #root: string;
  /** Resolves when the agents of all nodes are ready. */
  readonly #up: Promise<LabStatus>;

  private constructor(root: string, up: Promise<LabStatus>, client: World['client']) {
    this.#root = root;
    this.dir = labDirOf(root);
    this.client = client;
    this.#up = up;
  }

  /** Resolves when the API and every node's firewall are there, and no agent yet. */
  static async open(): Promise<World> {
    const root = await mkdtemp(join(tmpdir(), 'postern-test-'));
    const dir = labDirOf(root);
    await mkdir(gatesOf(root));
    for (const node of NODES) {
      const { name, target } = ZONES[node];
      const settings = settingsOf(root, node);
      await mkdir(join(settings, 'zones'), { recursive: true });
      await writeFile(join(settings, 'firewalld.conf'), `DefaultZone=${name}\n`);
      await writeFile(join(settings, 'zones', `${name}.xml`), zoneFile(target));
    }
    const fixture = fileURLToPath(new URL('gated-lab.fixture.ts', import.meta.url));
    const commands = { ...LAB_COMMANDS, run: () => [process.execPath, fixture, dir, gatesOf(root)] };
    const up = labUp({
      ...{ dir, nodes: NODES.length, ipFamilies: ['IPv4', 'IPv6'], commands, timeout: 300_000 },
      ...{ nodeFirewall: 'firewalld', agentFlags: ['--firewall', 'auto'] },
    });
    up.catch(() => {});
    try {
      const ready = async () => {
        const { server, processes } = labStatus(dir);
        const firewalls = processes.filter(({ name, phase }) => name.endsWith('.firewalld') && phase === 'ready');
        return server !== undefined && firewalls.length === NODES.length ? true : undefined;
      };
      await Promise.race([eventually('firewalls of all nodes', ready), up]);
      const world = new World(root, up, createClient(await loadKubeconfig(join(dir, 'kubeconfig'))));
      await Promise.all(NODES.map(async (node) => world.before.set(node, await world.dump(node))));
      return world;
    } catch (error) {
      const logs = await logTails(dir);
      await labDown(dir).catch(() => {});
      await rm(root, { recursive: true, force: true });
      throw new Error(`the lab did not come up\n${logs}`, { cause: error });
    }
  }

  async close(): Promise<void> {
    this.client.close();
    await labDown(this.dir);
    await rm(this.#root, { recursive: true, force: true });
  }

  /** The last lines of every log of the lab. */
  logs(): Promise<string> {
    return logTails(this.dir);
  }

  /** Runs a program at a place to its end, and returns what it prints. */
  at(place: string, ...argv: readonly string[]): Promise<string> {
    return runAt(this.dir, place, argv, { timeout: 60_000 });
  }

  /** firewall-cmd, as a node's administrator types it. */
  firewallCmd(node: NodeName, ...args: readonly string[]): Promise<string> {
    return this.at(node, 'firewall-cmd', ...args);
  }

  async kubectl(args: readonly string[], input = ''): Promise<string> {
    const env = { KUBECONFIG: join(this.dir, 'kubeconfig') };
    return (await runCommand(['kubectl', ...args], { input, env, timeout: 60_000 })).stdout;
  }

  /** What answers a client outside of the cluster within some seconds, or undefined. */
  async fetch(url: string, seconds: number): Promise<string | undefined> {
    try {
      return (await this.at('client', 'curl', '-sS', '-m', String(seconds), url)).trim();
    } catch (error) {
      if (error instanceof CommandError) return undefined;
      throw error;
    }
  }

  /** What we have opened on a node, as firewalld lists it. */
  async opened(node: NodeName): Promise<readonly string[]> {
    return ours((await this.firewallCmd(node, '--list-rich-rules')).split('\n'));
  }

  /** The same as it will be after a reload, from firewalld's own file, which it writes last. */
  async kept(node: NodeName): Promise<readonly string[]> {
    // firewalld writes it in place, so that half of it may be there.
    const zone = await eventually(`the zone of ${node}`, async () => {
      const text = await readFile(join(settingsOf(this.#root, node), 'zones', `${ZONES[node].name}.xml`), 'utf8');
      return text.trimEnd().endsWith('</zone>') ? text : undefined;
    });
    return ours(zone.split('<rule ').map((rule) => rule.replaceAll(/(\/?>|<|\s)+/g, ' ')));
  }

  dump(node: NodeName): Promise<string> {
    return this.at(node, 'sh', '-c', DUMP);
  }

  /** Lets a node's agent start, now and whenever it has ended. */
  openGate(node: NodeName): Promise<void> {
    return writeFile(join(gatesOf(this.#root), node), '');
  }

  /** Kills a node's agent with -9, for good unless its gate is opened. */
  async killAgent(node: NodeName): Promise<void> {
    await rm(join(gatesOf(this.#root), node), { force: true });
    this.kill(node, 'SIGKILL');
    await eventually(`the agent of ${node} ends`, async () =>
      this.#process(node).phase === 'ready' ? undefined : true,
    );
  }

  /** Sends a signal to a process of the lab. */
  kill(name: string, signal: NodeJS.Signals): void {
    const { pid } = this.#process(name);
    if (pid === undefined) throw new Error(`${name} does not run`);
    process.kill(pid, signal);
  }

  /** How often a process of the lab has been started again, once it is ready. */
  async restarts(name: string, atLeast = 0): Promise<number> {
    return eventually(`${name} is ready again`, async () => {
      const { restarts, phase } = this.#process(name);
      return phase === 'ready' && restarts >= atLeast ? restarts : undefined;
    });
  }

  /** Resolves when the agents of all nodes have been ready. */
  async allUp(): Promise<void> {
    await this.#up;
  }

  #process(name: string): LabStatus['processes'][number] {
    const found = labStatus(this.dir).processes.find((process) => process.name === name);
    if (found === undefined) throw new Error(`the lab has no ${name}`);
    return found;
  }
}

/** Looks until there is something. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined>, limit = LIMIT): Promise<T> {
  const deadline = performance.now() + limit;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${limit} ms`);
    await sleep(LOOK_EVERY);
  }
}

const labDirOf = (root: string) => join(root, 'lab');
const settingsOf = (root: string, node: NodeName) => join(labDirOf(root), 'nodes', node, 'firewalld');
const ours = (rules: readonly string[]) => rules.filter((rule) => rule.includes('priority="31952"'));
const gatesOf = (root: string) => join(root, 'gates');
