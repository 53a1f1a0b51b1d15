/** What an answered write promises survives kill -9 of the server, through the API. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PROGRAM } from '../../src/cli/wiring/defaults.ts';
import { runCommand } from '../../src/host/process.ts';
import { startServer, type TestServer } from './server.ts';

let server: TestServer;

before(async () => {
  server = await startServer();
});

after(async () => {
  await server.stop();
});

test('every Service that was answered before kill -9 is there after it, with its addresses still its own', async () => {
  const names = Array.from({ length: 20 }, (_, i) => `kept-${i}`);
  const manifest = names
    .map(
      (name) =>
        `apiVersion: v1\nkind: Service\nmetadata: { name: ${name} }\nspec: { type: NodePort, ports: [{ port: 80 }] }`,
    )
    .join('\n---\n');
  const before = await server.kubectl(
    [
      'apply',
      '-f',
      '-',
      '-o',
      'jsonpath={range .items[*]}{.metadata.name} {.spec.clusterIP} {.spec.ports[0].nodePort}{"\\n"}{end}',
    ],
    manifest,
  );
  assert.equal(before.stdout.trim().split('\n').length, names.length);
  await server.killAndRestart();
  const after = await server.kubectl([
    'get',
    'services',
    '-o',
    'jsonpath={range .items[?(@.spec.type=="NodePort")]}{.metadata.name} {.spec.clusterIP} {.spec.ports[0].nodePort}{"\\n"}{end}',
  ]);
  assert.deepEqual(after.stdout.trim().split('\n').sort(), before.stdout.trim().split('\n').sort());
  const [, clusterIP = '', nodePort = ''] = before.stdout.trim().split('\n')[0]?.split(' ') ?? [];
  const taken = `apiVersion: v1\nkind: Service\nmetadata: { name: thief }\nspec: { type: NodePort, clusterIP: ${clusterIP}, ports: [{ port: 80 }] }`;
  await assert.rejects(server.kubectl(['apply', '-f', '-'], taken), /already allocated/);
  const takenPort = `apiVersion: v1\nkind: Service\nmetadata: { name: thief }\nspec: { type: NodePort, ports: [{ port: 80, nodePort: ${nodePort} }] }`;
  await assert.rejects(server.kubectl(['apply', '-f', '-'], takenPort), /already allocated/);
});

test('a second server on the same data is refused, and says who has it', async () => {
  await assert.rejects(
    runCommand([PROGRAM, 'server', '--data-dir', server.dir, '--listen', '127.0.0.1:0']),
    (error: Error) => error.message.includes(server.dir) && /open in process \d+; stop it first/.test(error.message),
  );
});

test('a port in use is refused with the address and what to do', async () => {
  const { host } = new URL(server.url);
  await assert.rejects(
    runCommand([PROGRAM, 'server', '--data-dir', join(server.dir, 'other'), '--listen', host]),
    (error: Error) => error.message.includes(host) && /in use/i.test(error.message) && !/\n\s+at /.test(error.message),
  );
});
