/**
 * A machine in namespaces of its own, on which `postern up` is killed with -9 again and again. Prints what it saw after each
 * new start as JSON.
 */
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withLabel } from '../../src/cli/quickstart/steps.ts';
import {
  example,
  fetchFrom,
  isOurs,
  kubectlOf,
  MACHINE,
  machineState,
  makeMachine,
  processes,
  type RunningUp,
  startUp,
} from './machine.ts';

const LIMIT = 60_000;
const URL = `http://${MACHINE}:30000/`;

await makeMachine();
const stateBefore = await machineState();
const dir = await mkdtemp(join(tmpdir(), 'postern-test-'));
const kubectl = kubectlOf(dir);
const inNamespace = (args: readonly string[], input?: string) => kubectl(['-n', 'example-namespace', ...args], input);
const machines = withLabel(await readFile(example('example-vm.yaml'), 'utf8'))
  .split('---\n')
  .filter((text) => text !== '');

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + LIMIT;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${LIMIT} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The QEMUs of a guest. */
const qemus = async (name: string) =>
  (await processes()).filter(({ line }) => new RegExp(`guest=\\S+/${name} `).test(line)).map(({ pid }) => pid);

/** Ends `postern up` as nothing else does, and waits until its server and dnsmasq, which die with it, are gone. */
async function kill(up: RunningUp): Promise<void> {
  up.process.kill('SIGKILL');
  await up.ended;
  await until('the server and dnsmasq end', async () =>
    (await processes()).some(({ line }) => /main\.ts server |^dnsmasq /.test(line)) ? undefined : true,
  );
}

/** What must be there once, whatever happened before. */
async function look() {
  const all = await processes();
  const state = await machineState();
  return {
    qemus: { first: await qemus('example-vm'), second: await qemus('example-vm-2') },
    dnsmasqs: all.filter(({ line }) => line.startsWith('dnsmasq ')).length,
    taps: state.interfaces.filter((name) => name.startsWith('pst')),
    guests: (await readdir(join(dir, 'agent', 'vms', 'guests'))).length,
    tables: (state.rules.match(/^table .*$/gm) ?? []).sort(),
  };
}

const ready = (name: string) =>
  inNamespace(['wait', '--for=condition=Ready', `virtualmachine/${name}`, `--timeout=${LIMIT / 1000}s`]);

/** When each guest's pod became ready, and how. */
const readySince = () =>
  inNamespace([
    'get',
    'pods',
    '-o',
    'jsonpath={range .items[*]}{.metadata.uid} {.status.conditions[?(@.type=="Ready")]}{"\\n"}{end}',
  ]);

let up = await startUp(dir);
await kubectl(['apply', '-f', example('example-namespace.yaml'), '-f', example('example-service.yaml')]);
await kubectl(['apply', '-f', '-'], machines[0]);
await until('the first guest exists', () => inNamespace(['get', 'vmi', 'example-vm']).catch(() => undefined));
await ready('example-vm');
await until('the Service answers', () => fetchFrom(URL).catch(() => undefined));
const first = { ...(await look()), readySince: await readySince() };

// A second one on the same data is refused, and must not touch what is the first one's.
const besideIt = await startUp(dir).then(
  () => 'started',
  (error: Error) => error.message,
);
await kill(up);
const whileDead = await fetchFrom(URL);

// One that cannot start, here because its port is taken, must leave the guests for one that can.
const squatter = createServer().listen(0, '127.0.0.1');
await once(squatter, 'listening');
const address = squatter.address();
const port = typeof address === 'object' && address !== null ? address.port : 0;
const portTaken = await startUp(dir, `127.0.0.1:${port}`).then(
  () => 'started',
  (error: Error) => error.message,
);
squatter.close();

up = await startUp(dir);
const again = { ...(await look()), readySince: await readySince(), answer: await fetchFrom(URL) };

// Killed while a guest is being started: as soon as its QEMU is there.
await kubectl(['apply', '-f', '-'], machines[1]);
await until('the second QEMU', async () => ((await qemus('example-vm-2')).length > 0 ? true : undefined));
const started = await qemus('example-vm-2');
await kill(up);
up = await startUp(dir);
await ready('example-vm-2');
const midStart = { ...(await look()), started };

// Killed, and a guest with it: the machine lost power, but for the other guest.
await kill(up);
for (const pid of await qemus('example-vm')) process.kill(pid, 'SIGKILL');
up = await startUp(dir);
await until('the lost guest is started anew', async () => ((await qemus('example-vm')).length > 0 ? true : undefined));
await until('it is an endpoint again', async () => {
  const pods = await readySince();
  return pods.trim().split('\n').length === 2 && (pods.match(/"status":"True"/g) ?? []).length === 2 ? true : undefined;
});
const lost = await look();

// Killed, and then ended in an orderly way: nothing is left.
await kill(up);
up = await startUp(dir);
up.process.kill('SIGTERM');
const exitCode = await up.ended;
const result = {
  first,
  besideIt,
  whileDead,
  portTaken,
  again,
  midStart,
  lost,
  exitCode,
  stateBefore,
  stateAfter: await machineState(),
  processesAfter: (await processes()).filter(({ line }) => isOurs(line, dir)).map(({ line }) => line),
};
await rm(dir, { recursive: true, force: true });
console.log(JSON.stringify(result));
