/** In namespaces of its own: a server, and one machine after the other that joins it with a token. Prints milliseconds until each was Ready, as JSON. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Node } from '../../src/api/core/v1/node.ts';
import { isTrue } from '../../src/api/meta/conditions.ts';
import { PROGRAM } from '../../src/cli/wiring/defaults.ts';
import type { Client } from '../../src/client/client.ts';
import { createClient } from '../../src/client/http-client.ts';
import { loadKubeconfig } from '../../src/client/kubeconfig.ts';
import { runCommand } from '../../src/host/process.ts';
import { MACHINE, makeMachine } from '../../test/e2e/machine.ts';

const RUNS = 7;

await makeMachine();
const dir = await mkdtemp(join(tmpdir(), 'postern-scale-'));
const server = spawnPostern(['server', '--data-dir', join(dir, 'server'), '--listen', `${MACHINE}:0`]);
const url = (await firstLine(server)).split(' ')[1] ?? '';
const kubeconfig = join(dir, 'server', 'kubeconfig');
const client = createClient(await loadKubeconfig(kubeconfig));
const made = await runCommand([PROGRAM, 'token', 'create', '--kubeconfig', kubeconfig, '-o', 'json']);
const tokenFile = join(dir, 'token');
await writeFile(tokenFile, (JSON.parse(made.stdout) as { token: string }).token, { mode: 0o600 });

const took: number[] = [];
for (let i = 0; i < RUNS; i++) took.push(await joinOnce(`n${i}`));

client.close();
await stop(server);
await rm(dir, { recursive: true });
process.stdout.write(JSON.stringify(took));

/** From the start of the program to a Node that is Ready; leaves nothing behind for the next. */
async function joinOnce(name: string): Promise<number> {
  const began = performance.now();
  const agent = spawnPostern([
    ...['agent', '--server', url, '--token-file', tokenFile, '--node-name', name, '--state-dir', join(dir, name)],
    ...['--container-runtime-endpoint', 'none', '--on-stop', 'end'],
  ]);
  const ready = firstLine(agent);
  await untilReady(client, name);
  const elapsed = performance.now() - began;
  await ready;
  await stop(agent);
  return elapsed;
}

async function untilReady(from: Client, name: string): Promise<void> {
  const ending = new AbortController();
  const { resourceVersion } = await from.list(Node);
  for await (const event of from.watch(Node, { resourceVersion }, ending.signal)) {
    if (event.type === 'BOOKMARK' || event.object.metadata.name !== name) continue;
    if (isTrue(event.object.status?.conditions, 'Ready') && event.object.spec?.podCIDRs !== undefined) break;
  }
  ending.abort();
}

function spawnPostern(args: readonly string[]): ChildProcess {
  return spawn(PROGRAM, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`postern ended with ${code}`)));
  });
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}
