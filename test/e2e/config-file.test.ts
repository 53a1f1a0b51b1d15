/** A server that is told by a file what to do. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { PROGRAM } from '../../src/cli/wiring/defaults.ts';
import { CommandError, runCommand } from '../../src/host/process.ts';

let dir: string;
let child: ChildProcess | undefined;

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'postern-test-'));
});

after(async () => {
  child?.kill('SIGKILL');
  await rm(dir, { recursive: true, force: true });
});

const FILE = `
apiVersion: config.postern.dev/v1
kind: ServerConfiguration
dataDir: data           # relative to the file, wherever the program is started
listen: 127.0.0.1:0
serviceCidr: [10.99.0.0/16]
controllers: servicecidr`;

test('a server does what its file says, but for what is typed', async () => {
  const file = join(dir, 'server.yaml');
  await writeFile(file, FILE);
  child = spawn(PROGRAM, ['server', '--config', file, '--service-cidr', '10.98.0.0/16'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: '/',
  });
  assert.ok(child.stdout);
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  assert.match(String(line), new RegExp(`^ready https://127\\.0\\.0\\.1:\\d+ kubeconfig ${dir}/data/kubeconfig$`));
  const kubectl = ['kubectl', '--kubeconfig', join(dir, 'data', 'kubeconfig')];
  const { stdout } = await runCommand([...kubectl, 'get', 'servicecidrs', '-o', 'jsonpath={.items[*].spec.cidrs[*]}']);
  assert.equal(stdout, '10.98.0.0/16');
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
});

test('mistakes are told by the check and by the server, and nothing is started', async () => {
  const file = join(dir, 'wrong.yaml');
  await writeFile(file, FILE.replace('serviceCidr', 'serviceCIDRs').replace('127.0.0.1:0', 'nowhere'));
  for (const argv of [
    ['config', 'check', file],
    ['server', '--config', file],
  ]) {
    const error = await runCommand([PROGRAM, ...argv]).catch((thrown: unknown) => thrown);
    assert(error instanceof CommandError);
    assert.equal(error.code, 1);
    const said = `${error.stdout}${error.stderr}`;
    assert.match(said, /wrong\.yaml:5:9: listen: "nowhere" is invalid\. It is HOST:PORT/);
    assert.match(said, /wrong\.yaml:6:1: serviceCIDRs: there is no such key: did you mean serviceCidr\?/);
  }
});
