/**
 * A machine that gets another address while `postern up` runs, for `start-over.test.ts`, which runs this in namespaces of its own:
 * `node start-over.fixture.ts DIR`.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { Node } from '../../api/core/v1/node.ts';
import { createClient } from '../../client/http-client.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { runCommand } from '../../host/process.ts';
import { PROGRAM } from './defaults.ts';

const [, , dir = ''] = process.argv;
const ip = (...lines: readonly string[]) => runCommand(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });

test('the Node says the new address, and what is on the machine stays where it is', async () => {
  await ip('link set lo up', 'link add lan type veth peer name other', 'link set other up', 'link set lan up');
  await ip('addr add 192.0.2.1/24 dev lan', 'route add default via 192.0.2.254');
  const argv = [
    'up',
    '--data-dir',
    dir,
    '--listen',
    '127.0.0.1:0',
    '--node-name',
    'n',
    '--container-runtime-endpoint',
    'none',
  ];
  const up = spawn(PROGRAM, argv, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, POSTERN_LOG: 'error' },
  });
  const said = createInterface({ input: up.stdout })[Symbol.asyncIterator]();
  assert.match((await said.next()).value ?? '', /^ready/);
  const seen = async () => {
    const client = createClient(await loadKubeconfig(join(dir, 'kubeconfig')));
    const { status } = await client.get(Node, { name: 'n' });
    client.close();
    const bridge = (await runCommand(['ip', '-o', 'link', 'show', 'dev', 'postern0'])).stdout.split(':')[0];
    return { address: status?.addresses?.[0]?.address, bridge };
  };
  const before = await seen();
  const files = () => readdirSync(`/proc/${up.pid}/fd`).length;
  const open = files();
  assert.equal(before.address, '192.0.2.1');
  await ip('addr del 192.0.2.1/24 dev lan', 'addr add 192.0.2.9/24 dev lan', 'route add default via 192.0.2.254');
  assert.match((await said.next()).value ?? '', /^ready/);
  assert.deepEqual(await seen(), { ...before, address: '192.0.2.9' });
  assert.equal(files() < open + 8, true, `files that the process had open stay open: ${open}, then ${files()}`);
  const ended = new Promise((resolve) => up.once('exit', resolve));
  up.kill('SIGTERM');
  assert.equal(await ended, 0);
  assert.doesNotMatch((await runCommand(['ip', '-br', 'link'])).stdout, /postern/);
});
