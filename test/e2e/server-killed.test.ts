/** The server is killed with -9 in the middle: what it answered is kept, guests and rules go on, and so does the work. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Cluster, GUESTS, NAMESPACE } from '../../src/cli/quickstart/cluster.ts';
import { endpointsOf, service, url } from '../../src/cli/quickstart/look.ts';
import { clusterPaths } from '../../src/cli/quickstart/quickstart.ts';
import { quietListener } from '../../src/cli/quickstart/report.ts';
import { withLabel } from '../../src/cli/quickstart/steps.ts';
import { Walk } from '../../src/cli/quickstart/walk.ts';
import { type TestLab, testLab } from './lab.ts';

let lab: TestLab;
let cluster: Cluster;

before(async () => {
  lab = await testLab({ nodes: 2 });
  cluster = new Cluster(new Walk(quietListener, new AbortController().signal), lab.client, clusterPaths(lab.dir));
});

after(async () => {
  await lab.down();
});

async function killServer(): Promise<void> {
  const killed = await cluster.at('node1', ['pkill', '-KILL', '-f', 'main\\.ts server ']);
  assert.equal(killed.code, 0, killed.output);
}

test('a server killed while guests boot comes back, and the guests become endpoints', async () => {
  const { examples } = cluster.paths;
  const labelled = withLabel(await readFile(join(examples, 'example-vm.yaml'), 'utf8'));
  for (const args of [
    ['-f', join(examples, 'example-namespace.yaml')],
    ['-f', join(examples, 'example-service.yaml')],
  ]) {
    const applied = await cluster.kubectl(['apply', ...args]);
    assert.equal(applied.code, 0, applied.output);
  }
  const applied = await cluster.kubectl(['apply', '-f', '-'], { input: labelled });
  assert.equal(applied.code, 0, applied.output);
  await killServer();
  const endpoints = await cluster.walk.until('both guests to become endpoints', 60_000, () =>
    endpointsOf(cluster, GUESTS).catch(() => undefined),
  );
  assert.equal(endpoints.length, 4, await lab.logs());
});

test('while the server is away, the Service answers', async () => {
  const [clusterIP = ''] = (await service(cluster)).spec?.clusterIPs ?? [];
  await killServer();
  const answer = await cluster.at('node2', ['curl', '-sS', '-m', '5', url(clusterIP)]);
  assert.ok((GUESTS as readonly string[]).includes(answer.output.trim()), answer.output);
});

test('guests are neither doubled nor restarted by it', async () => {
  await cluster.walk.until('the server to be back', 20_000, () => service(cluster).catch(() => undefined));
  for (const guest of GUESTS) {
    const found = await cluster.at('node1', ['pgrep', '-c', '-f', `guest=${NAMESPACE}/${guest}[, ]`]);
    assert.equal(found.output.trim(), '1', `${guest}: ${found.output}`);
  }
});
