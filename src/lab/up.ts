/** Brings a lab up: starts it as a process of its own, which outlives this one, and waits until it is ready. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { lastLines } from './bounded-log.ts';
import { checkNodeContainers } from './container-runtime.ts';
import { endLab, removeGroups, removeRunFiles } from './down.ts';
import { LabError } from './error.ts';
import { checkEtcd } from './etcd.ts';
import { isolatedArgv } from './isolation.ts';
import { type Layout, layoutOf, logFile, serverSocket } from './layout.ts';
import { BUS_ENVIRONMENT, checkNodeFirewall } from './node-firewall.ts';
import type { LabOptions } from './options.ts';
import { checkPrivileges, needsUserNamespace } from './privileges.ts';
import { childrenOf, identityOf, type ProcessIdentity, pidNamespaceOf } from './process-identity.ts';
import { REPORT_FD_VARIABLE, type Report } from './reporter.ts';
import { claim, readOwner, runningOwner, writeJson } from './state.ts';
import { type LabStatus, labStatus } from './status.ts';
import { type LabSpec, MAX_LANS, MAX_NODES, MAX_SERVERS } from './topology.ts';

/** Milliseconds until a lab has to be ready, unless told otherwise; and more for each server with a place of its own. */
const TIMEOUT = 60_000;
const SERVER_TIMEOUT = 20_000;
/** Milliseconds for a lab that never got ready to end by itself. It may be too young to hear a signal. */
const CALL_OFF_GRACE = 3_000;
/** sun_path of unix(7), without the final zero. */
const SOCKET_PATH_LIMIT = 107;
const REPORT_FD = 3;

/**
 * Starts a lab and resolves when it is ready: server answering, all nodes Ready. `progress` is told what it waits for.
 * When that fails, or the signal is aborted, the lab is taken away again; its logs stay.
 */
export async function labUp(
  options: LabOptions,
  progress: (text: string) => void = () => {},
  signal: AbortSignal = new AbortController().signal,
): Promise<LabStatus> {
  const layout = layoutOf(options.dir);
  checkOptions(options, layout);
  await checkPrivileges();
  if (options.nodeFirewall !== undefined) checkNodeFirewall();
  if (options.nodeContainers === true) checkNodeContainers();
  if ((options.servers ?? 0) > 0 && options.store !== 'lmdb') checkEtcd();
  signal.throwIfAborted();
  claimDirectory(layout);
  try {
    const spec = specOf(options);
    writeJson(layout.spec, spec);
    const child = startDaemon(layout, options);
    await untilReady(child, { ...options, layout, progress, signal });
    child.unref();
    return labStatus(layout.dir);
  } catch (error) {
    const owner = readOwner(layout);
    if (owner !== undefined && owner.pid !== process.pid) await endLab(owner, CALL_OFF_GRACE);
    await removeGroups(layout);
    removeRunFiles(layout);
    throw error;
  }
}

function specOf(options: LabOptions): LabSpec {
  const { nodes, ipFamilies, nodeFirewall, nodeContainers = false, agentFlags = [] } = options;
  const { servers = 0, store = 'etcd', serverDisk, serverFlags = [], lans = 1 } = options;
  return {
    ...{ nodes, ipFamilies, agentFlags, nodeContainers, servers, store, serverFlags, lans },
    ...(nodeFirewall === undefined ? {} : { nodeFirewall }),
    ...(serverDisk === undefined ? {} : { serverDisk }),
  };
}

function checkOptions(options: LabOptions, layout: Layout): void {
  const { nodes, ipFamilies, servers = 0, store = 'etcd', serverDisk, lans = 1 } = options;
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > MAX_NODES) {
    throw new LabError(`nodes: ${nodes} is not a whole number from 1 to ${MAX_NODES}`);
  }
  if (!Number.isInteger(servers) || servers < 0 || servers > MAX_SERVERS) {
    throw new LabError(`servers: ${servers} is not a whole number from 0 to ${MAX_SERVERS}`);
  }
  if (options.store !== undefined && servers === 0) {
    throw new LabError(
      `store: ${store} is for servers on the LAN, and the one beside the lab has its own: add --servers`,
    );
  }
  if (store === 'lmdb' && servers > 1) {
    throw new LabError(`store: ${servers} servers have no directory in common. Use etcd, or one server.`);
  }
  if (serverDisk !== undefined && (!Number.isInteger(serverDisk) || serverDisk < 1 || servers === 0)) {
    throw new LabError('server-disk: it is a whole number of mebibytes, for servers on the LAN: add --servers');
  }
  if (!Number.isInteger(lans) || lans < 1 || lans > MAX_LANS) {
    throw new LabError(`lans: ${lans} is not a whole number from 1 to ${MAX_LANS}`);
  }
  if (ipFamilies.length === 0 || new Set(ipFamilies).size !== ipFamilies.length) {
    throw new LabError(
      `ip-families: ${ipFamilies.join(',') || '(none)'}: name ipv4, ipv6 or both, each once, primary first`,
    );
  }
  if (Buffer.byteLength(serverSocket(layout, 'server1')) > SOCKET_PATH_LIMIT) {
    throw new LabError(
      `dir: ${layout.dir} is too long: unix sockets in it may have ${SOCKET_PATH_LIMIT} bytes. Choose a shorter one.`,
    );
  }
  if (`${layout.dir}/`.startsWith('/run/') || `${layout.dir}/`.startsWith('/var/run/')) {
    throw new LabError(
      `dir: ${layout.dir} is in /run, and every place of a lab has a /run of its own. Choose another, such as /tmp/lab.`,
    );
  }
}

/** From here on the directory is this process's, until the lab's own process takes over. */
function claimDirectory(layout: Layout): void {
  mkdirSync(layout.logs, { recursive: true, mode: 0o700 });
  const own = mustIdentify(process.pid);
  if (claim(layout, own)) return;
  const owner = runningOwner(layout);
  if (owner === undefined) {
    // Whoever had it was killed, and its namespaces went with it: only files are left.
    removeRunFiles(layout);
    if (claim(layout, own)) return;
  }
  throw new LabError(
    `${layout.dir} has a lab already${owner === undefined ? '' : ` (process ${owner.pid})`}. Use it, choose another directory, or end it: postern lab down --dir ${layout.dir}`,
  );
}

function startDaemon(layout: Layout, options: LabOptions): ChildProcess {
  const userNamespace = needsUserNamespace();
  const [program = '', ...args] = isolatedArgv(options.commands.run(layout.dir), { userNamespace });
  const log = openSync(logFile(layout, 'lab'), 'w', 0o600);
  try {
    const child = spawn(program, args, {
      detached: true,
      cwd: '/',
      stdio: ['ignore', log, log, 'pipe'],
      env: { ...process.env, ...BUS_ENVIRONMENT, [REPORT_FD_VARIABLE]: String(REPORT_FD) },
    });
    if (child.pid === undefined) throw new LabError(`cannot run ${program}`);
    writeJson(layout.owner, { ...mustIdentify(child.pid), userNamespace });
    return child;
  } finally {
    closeSync(log);
  }
}

interface Waiting {
  readonly servers?: number;
  readonly layout: Layout;
  readonly progress: (text: string) => void;
  readonly signal: AbortSignal;
  readonly timeout?: number;
}

async function untilReady(
  child: ChildProcess,
  { layout, progress, signal, servers = 0, timeout = TIMEOUT + servers * SERVER_TIMEOUT }: Waiting,
): Promise<void> {
  let waitingFor = 'its processes';
  const give = (report: Report): void => {
    if (report.kind === 'progress') {
      waitingFor = report.text;
      progress(report.text);
    }
  };
  const late = AbortSignal.timeout(timeout);
  const line = child.stdio[REPORT_FD] as Readable;
  const lines = createInterface({ input: line, signal: AbortSignal.any([signal, late]) });
  try {
    for await (const text of lines) {
      const report = JSON.parse(text) as Report;
      if (report.kind === 'failed') throw new LabError(report.message);
      if (report.kind === 'ready') return recordNamespace(child, layout);
      give(report);
    }
  } finally {
    line.destroy();
  }
  signal.throwIfAborted();
  const what = late.aborted ? `was not ready after ${timeout / 1000} s: ${waitingFor}` : 'ended before it was ready';
  throw new LabError(
    `the lab ${what}. Logs are in ${layout.logs}; the last lines of lab.log:\n${lastLines(logFile(layout, 'lab'), 12)}`,
  );
}

/** So that whoever ends the lab can see that all of it has ended. */
function recordNamespace(child: ChildProcess, layout: Layout): void {
  const owner = readOwner(layout);
  const [init] = childrenOf(child.pid ?? 0);
  const pidNamespace = init === undefined ? undefined : pidNamespaceOf(init);
  if (owner === undefined || pidNamespace === undefined) throw new LabError('the lab ended as it became ready');
  writeJson(layout.owner, { ...owner, pidNamespace });
}

function mustIdentify(pid: number): ProcessIdentity {
  const identity = identityOf(pid);
  if (identity === undefined) throw new LabError(`process ${pid} ended at once`);
  return identity;
}
