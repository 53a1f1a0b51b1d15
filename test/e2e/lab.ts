/** A lab for tests: up before them, down after them, with its logs at hand when one fails. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LabFlags, labOptions } from '../../src/cli/wiring/lab.ts';
import type { Client } from '../../src/client/client.ts';
import { createClient } from '../../src/client/http-client.ts';
import { loadKubeconfig } from '../../src/client/kubeconfig.ts';
import { type CommandOptions, runCommand } from '../../src/host/process.ts';
import { labDown, labExec, labUp } from '../../src/lab/lab.ts';
import type { IPFamily } from '../../src/lib/ip.ts';

export interface TestLab {
  readonly dir: string;
  readonly kubeconfig: string;
  readonly client: Client;
  /** The last lines of every log of the lab. */
  logs(): Promise<string>;
  down(): Promise<void>;
}

const LOG_TAIL = 3000;

export interface TestLabOptions extends Omit<LabFlags, 'dir' | 'ipFamilies' | 'nodeContainers'> {
  readonly families?: readonly IPFamily[];
  /** Whether nodes run containers. */
  readonly containers?: boolean;
}

export async function testLab({ families, containers, ...flags }: TestLabOptions): Promise<TestLab> {
  const dir = await mkdtemp(join(tmpdir(), 'postern-test-'));
  const ipFamilies = families ?? ['IPv4', 'IPv6'];
  try {
    await labUp(labOptions({ ...flags, dir, ipFamilies, nodeContainers: containers ?? false }), () => {});
  } catch (error) {
    throw new Error(`the lab did not come up\n${await logTails(dir)}`, { cause: error });
  }
  const kubeconfig = join(dir, 'kubeconfig');
  const client = createClient(await loadKubeconfig(kubeconfig));
  return {
    dir,
    kubeconfig,
    client,
    logs: () => logTails(dir),
    async down() {
      client.close();
      await labDown(dir);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Runs a program at a place of a lab to its end, and returns what it prints. */
export async function runAt(
  dir: string,
  place: string,
  argv: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const command = labExec(dir, place, argv);
  return (await runCommand(command.argv, { ...options, env: { ...command.env, ...options.env } })).stdout;
}

export async function logTails(dir: string): Promise<string> {
  const logs = join(dir, 'logs');
  const names = await readdir(logs).catch(() => []);
  const tails = await Promise.all(
    names.map(async (name) => `--- ${name}\n${(await readFile(join(logs, name), 'utf8')).slice(-LOG_TAIL)}`),
  );
  return tails.join('\n');
}
