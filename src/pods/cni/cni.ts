/** The pod network as container runtimes ask for it (CNI 1.0): a plugin in their folders, and its answers. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '../../client/client.ts';
import { type Clock, systemClock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { type RunCommand, runCommand } from '../../host/process.ts';
import type { PodNetwork } from '../../network/pod-network.ts';
import type { ContainerRuntime } from '../cri/cri.ts';
import { answerPlugin } from './attachments.ts';
import { Collector } from './collector.ts';
import { type CNIDirectories, directoriesOf } from './directories.ts';
import { CNI_CODES, failure } from './errors.ts';
import { firstConfiguration, install, uninstall } from './install.ts';
import { CONFIGURATION } from './programs.ts';
import type { RawRequest } from './request.ts';
import { failureResult, type PluginAnswer } from './result.ts';
import { servePlugins } from './server.ts';

const SOCKET = 'cni.sock';

export interface CNIOptions {
  readonly client: Client;
  readonly network: PodNetwork;
  readonly runtime: Pick<ContainerRuntime, 'status' | 'listSandboxes'>;
  /** For the socket, of at most 100 characters with its name, and what is kept over restarts. */
  readonly stateDir: string;
  /** Default: where the runtime says that it looks. */
  readonly directories?: CNIDirectories;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly run?: RunCommand;
}

/** The network plugin, as the rest of the agent sees it. */
export interface CNI {
  /**
   * Puts back what is missing in the runtime's folders, as after it was installed anew. Resolves to why pods do not get onto
   * this node's network all the same, for people; undefined: they do.
   */
  verify(): Promise<string | undefined>;
}

/**
 * Resolves once the runtime's plugin is answered. After the signal it is not: the plugin says that the runtime should try
 * again later. {@link cleanupCNI} removes it.
 */
export async function startCNI(options: CNIOptions, signal: AbortSignal): Promise<CNI> {
  const { network, runtime, stateDir, client, log, clock = systemClock, run = runCommand } = options;
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const directories = options.directories ?? directoriesOf(await runtime.status(true));
  const collector = new Collector({ network, runtime, log, clock, run });
  await collector.lookAtStart();
  const socketPath = join(stateDir, SOCKET);
  await servePlugins(socketPath, (request) => answerPlugin(request, { client, network, log }), { log }, signal);
  const verify = async (): Promise<string | undefined> => {
    await install({ ...directories, stateDir, socketPath });
    return conflict(directories);
  };
  const problem = await verify();
  if (problem !== undefined) log.warn({ confDir: directories.confDir }, problem);
  void collector.run(signal);
  log.info({ ...directories, socketPath }, 'the container runtime’s network plugin is in place');
  return { verify };
}

/**
 * For the time in which sandboxes are removed after everything else has ended: lets them go, until the signal. Their ports go with the
 * pod network.
 */
export async function letSandboxesGo(
  { stateDir, log }: { readonly stateDir: string; readonly log: Logger },
  signal: AbortSignal,
): Promise<void> {
  const answer = async ({ env }: RawRequest): Promise<PluginAnswer> => {
    if (env['CNI_COMMAND'] === 'DEL') return { ok: true };
    return failureResult('1.0.0', failure(CNI_CODES.tryAgainLater, 'the agent of this node is about to end'));
  };
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  await servePlugins(join(stateDir, SOCKET), answer, { log }, signal);
}

/** Removes the plugin and its configuration; those of an earlier run too. */
export async function cleanupCNI(stateDir: string): Promise<void> {
  await uninstall(stateDir);
}

async function conflict({ confDir }: CNIDirectories): Promise<string | undefined> {
  const first = await firstConfiguration(confDir);
  if (first === CONFIGURATION || first === undefined) return undefined;
  return (
    `${join(confDir, first)} comes before ${CONFIGURATION}, so pods get onto that network instead of postern’s; ` +
    'remove it, or give it a name that sorts after'
  );
}
