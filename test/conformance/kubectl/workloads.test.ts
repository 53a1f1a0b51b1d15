/** The real kubectl on Deployments and their like, word for word: a real server with its controllers, and one who plays the node. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Json, TestServer } from '../../../src/apiserver/testing/server.ts';
import { type ControlledServer, startControlledServer } from '../controlled-server.ts';
import { matches, readConsole, terminal } from './console.ts';

const PODS = '/api/v1/pods';
const MERGE = 'application/merge-patch+json';
const skip = spawnSync('kubectl', ['version', '--client']).status === 0 ? false : 'kubectl is not installed';

const ended = new AbortController();
let server: ControlledServer;
let dir: string;
let node: Promise<void>;
let run: (command: string) => Promise<string>;

before(async () => {
  if (skip) return;
  server = await startControlledServer();
  dir = await mkdtemp(join(tmpdir(), 'postern-workloads-'));
  run = terminal(await server.api.kubeconfig(), dir);
  await addNode(server.api);
  node = playNode(server.api);
});
after(async () => {
  ended.abort();
  await node;
  await server?.close();
  if (dir) await rm(dir, { recursive: true });
});

async function addNode(api: TestServer): Promise<void> {
  await api.call('POST', '/api/v1/nodes', { body: { metadata: { name: 'n1' } } });
  const status = {
    conditions: [{ type: 'Ready', status: 'True' }],
    allocatable: { cpu: '64', memory: '64Gi', pods: '110' },
    nodeInfo: { containerRuntimeVersion: 'containerd://1.7.0' },
  };
  const { code, text } = await api.call('PATCH', '/api/v1/nodes/n1/status', { body: { status }, type: MERGE });
  assert.equal(code, 200, text);
}

/** Pods run as soon as they have a node, unless their image cannot be had; a Job's end well; those that are to go do. */
async function playNode(api: TestServer): Promise<void> {
  for await (const { object } of api.watch(`${PODS}?watch=true`, ended.signal)) {
    const { name, namespace, deletionTimestamp } = object.metadata;
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    if (deletionTimestamp !== undefined) await api.call('DELETE', `${path}?gracePeriodSeconds=0`);
    else if (object.spec.nodeName && object.status?.phase === 'Pending' && !isMissing(object)) {
      await api.call('PATCH', `${path}/status`, { body: { status: statusOf(object) }, type: MERGE });
    }
  }
}

function isMissing({ spec }: Json): boolean {
  return spec.containers[0].image.endsWith(':missing');
}

function statusOf({ spec }: Json): object {
  const isJob = spec.restartPolicy !== 'Always';
  const ready = { type: 'Ready', status: isJob ? 'False' : 'True', lastTransitionTime: new Date().toISOString() };
  return { phase: isJob ? 'Succeeded' : 'Running', conditions: [ready] };
}

for (const { name, steps } of readConsole(new URL('workloads.console', import.meta.url))) {
  test(name, { skip }, async () => {
    for (const { command, prints } of steps) {
      const printed = await run(command);
      assert.ok(matches(printed, prints), `$ ${command}\n${printed}\ninstead of\n${prints}`);
    }
  });
}
