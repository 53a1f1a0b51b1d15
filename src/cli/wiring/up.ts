/** `postern up`: a server as a child process, and the agent in this one. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { createLogger } from '../../host/log.ts';
import { signalChild } from '../../host/process.ts';
import { mustParseCIDR } from '../../lib/ip.ts';
import type { AnnouncerOptions } from '../announcer-options.ts';
import { type ContainerFlags, containerFlags } from '../container-options.ts';
import { type EgressFlags, egressFlags } from '../egress-options.ts';
import { UserError } from '../errors.ts';
import { type FirewallFlags, firewallFlags } from '../firewall-options.ts';
import type { HostPort } from '../options.ts';
import { type PodNetworkFlags, podNetworkFlags } from '../pod-network-options.ts';
import type { ModeName } from '../proxy-mode.ts';
import { BRIDGE, DEFAULT_CLUSTER_CIDRS, PROGRAM } from './defaults.ts';
import { diesWithParent } from './privileges.ts';
import { StartOver, whileAddressed } from './start-over.ts';
import { thisNodeInterface, thisNodeName } from './this-node.ts';

export interface UpOptions extends ContainerFlags, EgressFlags, FirewallFlags, PodNetworkFlags {
  readonly dataDir: string;
  readonly listen: HostPort;
  readonly imageDir: string;
  readonly nodeName: string | undefined;
  readonly interface: string | undefined;
  readonly proxyMode: ModeName;
  readonly announcer: AnnouncerOptions;
  /** Of the server besides. */
  readonly serverFlags: readonly string[];
}

/** How long to wait before a server that died is started again: doubles from the first to the last, in milliseconds. */
const RESTART_DELAY = { first: 100, last: 5000 } as const;

/**
 * Runs until the signal is aborted, then ends the guests and removes all that was put into the host. After a kill -9 the next
 * run finds the guests, and takes them over. A run whose server does not start touches nothing: the data may be another's.
 */
export async function runUp(options: UpOptions, signal: AbortSignal): Promise<void> {
  const dataDir = resolve(options.dataDir);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const lan = await thisNodeInterface(options.interface);
  const nodeName = options.nodeName ?? thisNodeName();
  const agentKubeconfig = join(dataDir, 'agent', 'kubeconfig');
  const supervisor = new ServerProcess([
    ...serverArgv(dataDir, options.listen, nodeName, agentKubeconfig),
    ...options.serverFlags,
  ]);
  const run = async (until: AbortSignal): Promise<void> => {
    // The server starts while the agent's code is loaded: it is what users wait for.
    const [url, { runAgent }] = await Promise.all([supervisor.start(until), import('./agent.ts')]);
    await runAgent(
      {
        endpoint: await loadKubeconfig(agentKubeconfig),
        nodeName,
        nodeIPs: lan.addresses,
        lanInterface: lan.name,
        stateDir: join(dataDir, 'agent'),
        imageDir: options.imageDir,
        clusterCIDRs: DEFAULT_CLUSTER_CIDRS.split(',').map(mustParseCIDR),
        proxyMode: options.proxyMode,
        announcer: options.announcer,
        ...egressFlags(options),
        ...podNetworkFlags(options),
        ...containerFlags(options),
        ...firewallFlags(options),
        onStop: 'end',
      },
      until,
      () => process.stdout.write(`ready ${url} kubeconfig ${join(dataDir, 'kubeconfig')}\n`),
    );
    // Everything it told of is gone.
    if (!(until.reason instanceof StartOver)) await rm(join(dataDir, 'agent'), { recursive: true, force: true });
  };
  await whileAddressed({ lan, interface: options.interface, log: createLogger('up') }, signal, (until) =>
    run(until).finally(() => supervisor.stop()),
  );
}

function serverArgv(dataDir: string, listen: HostPort, nodeName: string, agentKubeconfig: string): readonly string[] {
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  return [
    PROGRAM,
    'server',
    ...['--data-dir', dataDir, '--listen', `${host}:${listen.port}`, '--issue', `${nodeName}=${agentKubeconfig}`],
    // Pods and guests of this machine reach what listens on loopback by the bridge that they are on.
    ...['--listen-interface', BRIDGE],
  ];
}

/** The server's process: started, watched, and started again when it dies by itself. */
class ServerProcess {
  readonly #log = createLogger('up');
  readonly #argv: readonly string[];
  #child: ChildProcess | undefined;
  #stopping = false;
  #delay: number = RESTART_DELAY.first;

  constructor(argv: readonly string[]) {
    this.#argv = argv;
  }

  /** Resolves with the server's URL once it answers; rejects when its first start fails. */
  start(signal: AbortSignal): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = this.#spawn();
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      child.once('exit', (code) => {
        reject(new UserError(`the server ended before it was ready (exit status ${code})`, 'What it said is above.'));
      });
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
        const url = /^ready (\S+)/.exec(line)?.[1];
        if (url === undefined) return;
        resolve(url);
        this.#watch(child, new URL(url).port);
      });
    });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    signalChild(child, 'SIGTERM');
    const timer = setTimeout(() => signalChild(child, 'SIGKILL'), 5000);
    await gone;
    clearTimeout(timer);
  }

  #spawn(port?: string): ChildProcess {
    // A server that was given a free port keeps it when it is started again: kubeconfigs name it.
    const argv =
      port === undefined
        ? this.#argv
        : this.#argv.map((arg, i) => (this.#argv[i - 1] === '--listen' ? arg.replace(/:\d+$/, `:${port}`) : arg));
    const [file = '', ...args] = diesWithParent(argv);
    // In a process group of its own: a terminal's Ctrl-C goes to a whole group, and the agent's goodbye needs the server.
    this.#child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
    return this.#child;
  }

  #watch(child: ChildProcess, port: string): void {
    const started = performance.now();
    child.once('exit', (code, by) => {
      if (this.#stopping) return;
      if (performance.now() - started > RESTART_DELAY.last) this.#delay = RESTART_DELAY.first;
      this.#log.error({ code, signal: by, restartIn: this.#delay }, 'the server ended; starting it again');
      setTimeout(() => {
        if (this.#stopping) return;
        const next = this.#spawn(port);
        next.stdout?.resume();
        this.#watch(next, port);
      }, this.#delay);
      this.#delay = Math.min(this.#delay * 2, RESTART_DELAY.last);
    });
  }
}
