/** A real `postern server` process for tests, on a free port of the loopback interface. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PROGRAM } from '../../src/cli/wiring/defaults.ts';
import { type CommandResult, runCommand } from '../../src/host/process.ts';

export interface TestServer {
  readonly dir: string;
  readonly kubeconfig: string;
  readonly url: string;
  /** Of the process as it runs now. */
  pid(): number;
  /** The end of what the process wrote to its log since it was started. */
  said(): string;
  kubectl(args: readonly string[], input?: string): Promise<CommandResult>;
  /** Ends the process with kill -9 and starts it anew on the same port and data. */
  killAndRestart(): Promise<void>;
  kill(): Promise<void>;
  /** Asks it to end, and waits until it has. */
  end(): Promise<void>;
  /** Starts it anew after one of these. */
  restart(): Promise<void>;
  /** Stops the process where it is, as when its machine hangs; `isFrozen` false lets it go on. */
  freeze(isFrozen: boolean): void;
  /** Looks every 50 ms until there is something; fails after ten seconds. */
  eventually<T>(look: () => Promise<T | undefined>): Promise<T>;
  stop(): Promise<void>;
}

interface Started {
  readonly child: ChildProcess;
  readonly said: () => string;
  readonly url: string;
}

/** `options` are more of the command's own. */
export async function startServer(options: readonly string[] = [], given?: string): Promise<TestServer> {
  const dir = given ?? (await mkdtemp(join(tmpdir(), 'postern-test-')));
  const kubeconfig = join(dir, 'kubeconfig');
  let { child, url, said } = await launch(dir, '127.0.0.1:0', options);
  const end = (signal: 'SIGTERM' | 'SIGKILL') =>
    new Promise<void>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve();
      child.once('exit', () => resolve());
      child.kill(signal);
    });
  return {
    dir,
    kubeconfig,
    url,
    pid: () => child.pid ?? Number.NaN,
    said: () => said(),
    kubectl: (args, input) =>
      runCommand(['kubectl', ...args], { env: { KUBECONFIG: kubeconfig }, ...(input === undefined ? {} : { input }) }),
    kill: () => end('SIGKILL'),
    end: () => end('SIGTERM'),
    freeze: (isFrozen) => void child.kill(isFrozen ? 'SIGSTOP' : 'SIGCONT'),
    async restart() {
      ({ child, url, said } = await launch(dir, new URL(url).host, options));
    },
    async killAndRestart() {
      await end('SIGKILL');
      ({ child, url, said } = await launch(dir, new URL(url).host, options));
    },
    async eventually(look) {
      for (let tries = 0; tries < 200; tries++) {
        const found = await look();
        if (found !== undefined) return found;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error('did not come about within ten seconds');
    },
    async stop() {
      await end('SIGTERM');
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function launch(dir: string, listen: string, options: readonly string[]): Promise<Started> {
  const child = spawn(PROGRAM, ['server', '--data-dir', dir, '--listen', listen, ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4000);
  });
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}\n${said}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const url = /^ready (\S+)/.exec(line)?.[1];
      if (url !== undefined) resolve({ child, url, said: () => said });
    });
  });
}
