/** A machine with one LAN interface, for fixtures that run `postern up` in namespaces of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PROGRAM, PROGRAM_DIR } from '../../src/cli/wiring/defaults.ts';
import { runCommand } from '../../src/host/process.ts';

/** The machine's own address on its LAN. */
export const MACHINE = '192.0.2.10';

/** Brings loopback and the LAN interface of a new network namespace up. */
export async function makeMachine(): Promise<void> {
  await runCommand(['ip', '-batch', '-'], {
    input: [
      'link set lo up',
      'link add lan0 type veth peer name lan1',
      'link set lan1 up',
      'link set lan0 up',
      `address add ${MACHINE}/24 dev lan0`,
      'address add fd00:192:0:2::10/64 dev lan0 nodad',
      'route add default via 192.0.2.1',
      'route add default via fd00:192:0:2::1',
    ].join('\n'),
  });
}

export interface RunningUp {
  readonly process: ChildProcess;
  readonly readyLine: string;
  /** Resolves with its exit status; null when a signal ended it. */
  readonly ended: Promise<number | null>;
}

/** Starts `postern up` and waits for its ready line. Rejects when it ends before. */
export async function startUp(dir: string, listen = '127.0.0.1:0', flags: readonly string[] = []): Promise<RunningUp> {
  // The leader of a process group, as what is started from a terminal is.
  const child = spawn(PROGRAM, ['up', '--data-dir', dir, '--listen', listen, ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const readyLine = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    ended.then((code) => reject(new Error(`postern up ended with ${code}`)));
  });
  return { process: child, readyLine, ended };
}

/** Runs kubectl against the cluster of a data directory. */
export const kubectlOf =
  (dir: string) =>
  async (args: readonly string[], input = '') =>
    (await runCommand(['kubectl', ...args], { input, timeout: 90_000, env: { KUBECONFIG: join(dir, 'kubeconfig') } }))
      .stdout;

export const example = (name: string) => join(PROGRAM_DIR, 'examples', name);

/** What the machine has that a cluster must not leave behind. */
export async function machineState(): Promise<{ interfaces: readonly string[]; rules: string }> {
  // Not os.networkInterfaces, which leaves out those without an address, as taps are.
  const devices = (await readFile('/proc/self/net/dev', 'utf8')).split('\n');
  return {
    interfaces: devices.flatMap((line) => /^\s*([^:\s]+):/.exec(line)?.[1] ?? []).sort(),
    rules: (await runCommand(['nft', 'list', 'ruleset'])).stdout,
  };
}

/** What answers over HTTP. */
export async function fetchFrom(url: string): Promise<string> {
  const { stdout } = await runCommand(['curl', '-sS', '--retry', '5', '--retry-connrefused', '-m', '5', url]);
  return stdout.trim();
}

export interface RunningProcess {
  readonly pid: number;
  readonly line: string;
  readonly uid: string;
}

/** Whether a command line is that of a process of the cluster of this data directory. */
export const isOurs = (line: string, dir: string) => line.includes(dir) || line.startsWith('dnsmasq ');

/** Every process of this PID namespace. */
export async function processes(): Promise<readonly RunningProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const all = await Promise.all(
    pids.map(async (pid) => {
      const [line = '', status = ''] = await Promise.all(
        ['cmdline', 'status'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
      );
      return { pid: Number(pid), line: line.replaceAll('\0', ' '), uid: /^Uid:\s+(\d+)/m.exec(status)?.[1] ?? '' };
    }),
  );
  return all;
}
