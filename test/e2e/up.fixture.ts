/** A machine in namespaces of its own: runs `postern up` there and prints what it saw as JSON. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withLabel } from '../../src/cli/quickstart/steps.ts';
import { PROGRAM } from '../../src/cli/wiring/defaults.ts';
import { runCommand } from '../../src/host/process.ts';
import {
  example,
  fetchFrom,
  isOurs,
  kubectlOf,
  MACHINE,
  machineState,
  makeMachine,
  processes,
  startUp,
} from './machine.ts';

const BOOT_SECONDS = '60s';

await makeMachine();
const stateBefore = await machineState();
const dir = await mkdtemp(join(tmpdir(), 'postern-test-'));
const up = await startUp(dir, '127.0.0.1:0', process.argv.slice(2));

const kubectl = kubectlOf(dir);
await kubectl(['apply', '-f', example('example-namespace.yaml'), '-f', example('example-service.yaml')]);
const machines = withLabel(await readFile(example('example-vm.yaml'), 'utf8'));
await kubectl(['apply', '-f', '-'], machines.split('---\n')[0]);
await kubectl([
  'wait',
  '-n',
  'example-namespace',
  '--for=condition=Ready',
  'virtualmachine/example-vm',
  `--timeout=${BOOT_SECONDS}`,
]);
const answer = await fetchFrom(`http://${MACHINE}:30000/`);
const addresses = await kubectl([
  'get',
  '-n',
  'example-namespace',
  'service/example-service',
  '-o=jsonpath={.spec.clusterIPs[*]}',
]);
/** What the guest is answered by cluster IP: by itself, as it is the only endpoint. */
const fromGuest: string[] = [];
for (const ip of addresses.split(' ')) {
  const url = `http://${ip.includes(':') ? `[${ip}]` : ip}/`;
  const guest = ['vm', 'exec', '-n', 'example-namespace', '--data-dir', dir, 'example-vm', '--'];
  const { stdout } = await runCommand([PROGRAM, ...guest, 'timeout', '5', 'wget', '-qO-', url]);
  fromGuest.push(stdout.trim());
}
const proxyMode = await fetchFrom('http://127.0.0.1:10249/proxyMode');
const l2Status = (await runCommand([PROGRAM, 'l2', 'status', '--data-dir', dir])).stdout;
const l2Metrics = await fetchFrom('http://127.0.0.1:7472/metrics');
const running = await processes();
const userOf = (text: string) => running.find(({ line }) => line.includes(text))?.uid ?? 'none';
const users = { server: userOf('main.ts server '), guest: userOf('qemu-system'), dhcp: userOf('dnsmasq ') };
const agentCapabilities = /^CapBnd:\s+(\S+)/m.exec(await readFile(`/proc/${up.process.pid}/status`, 'utf8'))?.[1];

// Ctrl-C: a terminal sends it to the whole process group.
if (up.process.pid === undefined) throw new Error('postern up has no process');
process.kill(-up.process.pid, 'SIGINT');
const exitCode = await up.ended;
const result = {
  readyLine: up.readyLine,
  answer,
  fromGuest,
  proxyMode,
  l2Status,
  l2Metrics,
  users,
  agentCapabilities,
  exitCode,
  stateBefore,
  stateAfter: await machineState(),
  processesAfter: (await processes()).filter(({ line }) => isOurs(line, dir)).map(({ line }) => line),
};
await rm(dir, { recursive: true, force: true });
console.log(JSON.stringify(result));
