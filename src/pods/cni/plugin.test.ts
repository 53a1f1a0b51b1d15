import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CommandError, runCommand } from '../../host/process.ts';
import { pluginText } from './programs.ts';

const dir = mkdtempSync(join(tmpdir(), 'postern-plugin-'));
const socketPath = join(dir, 'cni.sock');
const program = join(dir, 'plugin.cjs');
let agent: Server;
let received = '';
let answer = '';

before(async () => {
  writeFileSync(program, pluginText(socketPath));
  agent = createServer({ allowHalfOpen: true }, (socket) => {
    received = '';
    socket.setEncoding('utf8').on('data', (part: string) => {
      received += part;
    });
    socket.on('end', () => socket.end(answer));
  });
  await new Promise<void>((resolve) => agent.listen(socketPath, resolve));
});
after(() => {
  agent.close();
  rmSync(dir, { recursive: true, force: true });
});

/** The plugin's exit status and what it prints. */
async function run(said: string) {
  answer = said;
  const env = { CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'f00d', SECRET: 'of the runtime' };
  const input = '{"cniVersion":"0.4.0"}';
  const ended = await runCommand([process.execPath, program], { env, input }).catch((error: unknown) => {
    if (error instanceof CommandError) return error;
    throw error;
  });
  const code = ended instanceof CommandError ? ended.code : 0;
  return { code, printed: ended.stdout === '' ? undefined : JSON.parse(ended.stdout) };
}

test('the program passes on what it is asked, and nothing else of its environment; and what is answered', async () => {
  const output = { cniVersion: '0.4.0', ips: [] };
  assert.deepEqual(await run(JSON.stringify({ ok: true, output })), { code: 0, printed: output });
  assert.deepEqual(JSON.parse(received), {
    env: { CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'f00d' },
    config: '{"cniVersion":"0.4.0"}',
  });
  assert.deepEqual(await run('{"ok":true}'), { code: 0, printed: undefined });
  assert.deepEqual(await run('{"ok":false,"output":{"code":3}}'), { code: 1, printed: { code: 3 } });
});

test('an agent that says nothing, or not all, is one to be asked again later', async () => {
  for (const said of ['', '{"ok":tr']) {
    const { code, printed } = await run(said);
    assert.deepEqual([code, printed.code, printed.cniVersion], [1, 11, '0.4.0']);
    assert.match(printed.msg, /does not answer at /);
  }
});
