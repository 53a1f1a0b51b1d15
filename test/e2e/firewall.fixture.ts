/**
 * A machine in namespaces of its own whose firewall drops by default, on which `postern up` opens what is exposed and is
 * killed with -9. Prints what it saw as JSON.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROGRAM } from '../../src/cli/wiring/defaults.ts';
import { ADMINISTRATOR } from '../../src/firewall/nftables/testing.ts';
import { runCommand } from '../../src/host/process.ts';
import { kubectlOf, makeMachine, startUp } from './machine.ts';

const LIMIT = 30_000;
const OPEN = /192\.0\.2\.10 \. tcp \. 30080/;

const rules = async () => (await runCommand(['nft', '--stateless', 'list', 'ruleset'])).stdout;
async function until(what: string, holds: (rules: string) => boolean): Promise<void> {
  const deadline = performance.now() + LIMIT;
  while (!holds(await rules())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${LIMIT} ms\n${await rules()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

await makeMachine();
await runCommand(['nft', '-f', '-'], { input: ADMINISTRATOR });
const before = await rules();
const dir = await mkdtemp(join(tmpdir(), 'postern-test-'));
const kubectl = kubectlOf(dir);
const FLAGS = ['--node-name', 'node1', '--firewall', 'auto'];
const status = async () => {
  const argv = [PROGRAM, 'firewall', 'status', '--node', 'node1', '--kubeconfig', join(dir, 'kubeconfig')];
  return (await runCommand(argv)).stdout;
};

let up = await startUp(dir, undefined, FLAGS);
await kubectl(['create', 'service', 'nodeport', 'web', '--tcp=80', '--node-port=30080']);
await until('the node port is opened', (text) => OPEN.test(text));
const opened = await status();

up.process.kill('SIGKILL');
await up.ended;
const whileDead = OPEN.test(await rules());
up = await startUp(dir, undefined, FLAGS);
await until('the new run finds it', (text) => OPEN.test(text));
await kubectl(['delete', 'service', 'web']);
await until('the node port is closed', (text) => !OPEN.test(text));
const closed = await status();
up.process.kill('SIGKILL');
await up.ended;

// One that is to leave the firewall alone removes on its end what another left.
up = await startUp(dir, undefined, ['--node-name', 'node1']);
up.process.kill('SIGTERM');
const exitCode = await up.ended;
const after = await rules();
await rm(dir, { recursive: true, force: true });
console.log(JSON.stringify({ before, opened, whileDead, closed, exitCode, after }));
