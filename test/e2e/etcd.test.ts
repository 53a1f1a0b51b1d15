/** `postern server` with its objects in an etcd. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { PROGRAM } from '../../src/cli/wiring/defaults.ts';
import { runCommand } from '../../src/host/process.ts';
import { skipWithoutEtcd, startEtcd } from '../../src/store/etcd/etcd.fixture.ts';
import { startServer, type TestServer } from './server.ts';

const manifest = (name: string) =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name} }\nspec: { ports: [{ port: 80 }] }`;
const ADDRESSES = ['get', 'services', '-o', 'jsonpath={range .items[*]}{.metadata.name} {.spec.clusterIP}{"\\n"}{end}'];

async function addresses(server: TestServer): Promise<string[]> {
  return (await server.kubectl(ADDRESSES)).stdout.trim().split('\n').sort();
}

test('a server keeps its objects in an etcd, without loss when it is killed or a member dies, and says when there is no quorum', {
  skip: skipWithoutEtcd(),
}, async (t) => {
  const etcd = await startEtcd(t, { members: 3 });
  await etcd.leader();
  const server = await startServer(['--store', 'etcd', '--etcd-endpoints', etcd.endpoints.join(',')]);
  t.after(() => server.stop());
  await server.kubectl(['apply', '-f', '-'], manifest('one'));
  const before = await addresses(server);
  await server.killAndRestart();
  assert.deepEqual(await addresses(server), before);

  const [first, second] = etcd.members;
  await first?.kill();
  await server.kubectl(['apply', '-f', '-'], manifest('two'));
  assert.equal((await addresses(server)).length, before.length + 1);
  await second?.kill();
  // A write that was on its way before the loss was noticed may have been made.
  const refused = /reach etcd|whether the write was made is not known/;
  await assert.rejects(server.kubectl(['create', '-f', '-', '--validate=false'], manifest('three')), refused);
  first?.start();
  second?.start();
  await etcd.leader();
  await server.eventually(async () => ((await addresses(server)).length === before.length + 1 ? true : undefined));
});

test('options of the store that do not go together are refused with what to do', async () => {
  const dir = join('/tmp', 'postern-never-made');
  const cases: readonly [readonly string[], RegExp][] = [
    [['--store', 'etcd'], /Add: --etcd-endpoints/],
    [['--etcd-endpoints', 'https://10.0.0.1:2379'], /Add: --store etcd/],
    [['--store', 'etcd', '--etcd-endpoints', '10.0.0.1'], /is not a URL such as/],
    [['--store', 'etcd', '--etcd-endpoints', 'https://10.0.0.1:2379', '--etcd-user', 'root'], /go together/],
    [['--store', 'etcd', '--etcd-endpoints', 'https://10.0.0.1:2379', '--etcd-ca', '/none'], /--etcd-ca \/none/],
  ];
  for (const [options, message] of cases) {
    await assert.rejects(runCommand([PROGRAM, 'server', '--data-dir', dir, ...options]), message);
  }
});
