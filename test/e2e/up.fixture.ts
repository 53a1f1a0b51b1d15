/** A machine with one LAN interface, in namespaces of its own: runs `postern up` there and prints what it saw as JSON. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { withLabel } from '../../src/cli/quickstart/steps.ts';
import { PROGRAM, PROGRAM_DIR } from '../../src/cli/wiring/defaults.ts';
import { runCommand } from '../../src/host/process.ts';

const BOOT_SECONDS = '60s';

await runCommand(['ip', '-batch', '-'], {
  input: [
    'link set lo up',
    'link add lan0 type veth peer name lan1',
    'link set lan1 up',
    'link set lan0 up',
    'address add 192.0.2.10/24 dev lan0',
    'address add fd00:192:0:2::10/64 dev lan0 nodad',
    'route add default via 192.0.2.1',
    'route add default via fd00:192:0:2::1',
  ].join('\n'),
});
const interfacesBefore = Object.keys(networkInterfaces()).sort();
const rulesBefore = (await runCommand(['nft', 'list', 'ruleset'])).stdout;
const dir = await mkdtemp(join(tmpdir(), 'postern-test-'));
const up = spawn(PROGRAM, ['up', '--data-dir', dir, '--listen', '127.0.0.1:0'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const ended = new Promise<number | null>((resolve) => up.once('exit', resolve));
const readyLine = await new Promise<string>((resolve, reject) => {
  createInterface({ input: up.stdout }).once('line', resolve);
  ended.then((code) => reject(new Error(`postern up ended with ${code}`)));
});

const kubectl = (args: readonly string[], input = '') =>
  runCommand(['kubectl', ...args], { input, timeout: 90_000, env: { KUBECONFIG: join(dir, 'kubeconfig') } });
const example = (name: string) => join(PROGRAM_DIR, 'examples', name);
await kubectl(['apply', '-f', example('example-namespace.yaml'), '-f', example('example-service.yaml')]);
const machines = withLabel(await readFile(example('example-vm.yaml'), 'utf8'));
await kubectl(['apply', '-f', '-'], machines.split('---\n')[0]);
await kubectl([
  'wait',
  '-n',
  'example-namespace',
  '--for=condition=Ready',
  'virtualmachineinstance/example-vm',
  `--timeout=${BOOT_SECONDS}`,
]);
const answer = (
  await runCommand(['curl', '-sS', '--retry', '5', '--retry-connrefused', '-m', '5', 'http://192.0.2.10:30000/'])
).stdout.trim();
const serverUser = await userOf('main.ts server ');

up.kill('SIGTERM');
const exitCode = await ended;
const result = {
  readyLine,
  answer,
  serverUser,
  exitCode,
  interfacesBefore,
  interfacesAfter: Object.keys(networkInterfaces()).sort(),
  rulesBefore,
  rulesAfter: (await runCommand(['nft', 'list', 'ruleset'])).stdout,
  processesAfter: (await processes()).filter(({ line }) => line.includes(dir)).map(({ line }) => line),
};
await rm(dir, { recursive: true, force: true });
console.log(JSON.stringify(result));

interface RunningProcess {
  readonly line: string;
  readonly uid: string;
}

async function processes(): Promise<readonly RunningProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  return Promise.all(
    pids.map(async (pid) => {
      const [line, status] = await Promise.all(
        ['cmdline', 'status'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
      );
      return { line: (line ?? '').replaceAll('\0', ' '), uid: /^Uid:\s+(\d+)/m.exec(status ?? '')?.[1] ?? '' };
    }),
  );
}

async function userOf(text: string): Promise<string> {
  return (await processes()).find(({ line }) => line.includes(text))?.uid ?? 'none';
}
