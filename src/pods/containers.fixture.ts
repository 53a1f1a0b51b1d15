/** A node's pods with a real containerd: run by `containers.test.ts` in a world for containers. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Node } from '../api/core/v1/node.ts';
import { Pod } from '../api/core/v1/pod.ts';
import type { PodSpec } from '../api/core/v1/pod-spec.ts';
import { isTrue } from '../api/meta/conditions.ts';
import { ApiServers } from '../client/api-servers.ts';
import { fakeClient } from '../client/fake.ts';
import { Informers } from '../client/informers.ts';
import { silentLogger } from '../host/log.ts';
import type { PodNetwork } from '../network/pod-network.ts';
import { cleanupPods } from './cleanup.ts';
import { DEAF, exits, POLITE } from './cri/programs.ts';
import { type Pods, startPods } from './pods.ts';
import { startContainerd, type TestContainerd } from './testing/containerd.ts';
import { BUSYBOX_IMAGE } from './testing/images.ts';

const NODE_NAME = 'node1';
const PATIENCE = 15_000;
const dir = mkdtempSync('/run/p-');
const stateDir = join(dir, 'agent');
const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: NODE_NAME } } as Node;
const allocatable = { cpu: '8', memory: '8Gi', pods: '110' };
const client = fakeClient([{ ...node, status: { allocatable } } as Node]);
let containerd: TestContainerd;
let agent: Agent;

interface Agent {
  readonly pods: Pods;
  readonly kill: () => void;
}

async function startAgent(): Promise<Agent> {
  const ended = new AbortController();
  const pods = await startPods(
    {
      ...{
        client,
        nodeName: NODE_NAME,
        hostIPs: ['192.0.2.1'],
        clusterDNS: ['10.244.0.1'],
        stateDir,
        log: silentLogger,
      },
      informers: new Informers({ client, log: silentLogger }),
      // Pods of these tests are on the network of the node.
      network: { attach: refuse, release: async () => {}, ports: () => [], check: refuse } satisfies PodNetwork,
      servers: new ApiServers({ server: 'https://127.0.0.1:1' }),
      runtimeEndpoint: { socketPath: containerd.socketPath },
      clusterDomain: 'cluster.local',
    },
    ended.signal,
  );
  return { pods, kill: () => ended.abort() };
}

function refuse(): Promise<never> {
  return Promise.reject(new Error('there is no pod network here'));
}

before(async () => {
  containerd = await startContainerd({ dir });
  agent = await startAgent();
});
after(async () => {
  agent.kill();
  await containerd.stop();
});

test('a pod runs, is told apart by its files, and leaves nothing', async () => {
  const command = ['sh', '-c', `cat /data/text; echo bye > /dev/termination-log; ${exits(3)[2]}`];
  const web = { name: 'web', image: BUSYBOX_IMAGE, command, volumeMounts: [{ name: 'data', mountPath: '/data' }] };
  const init = { ...web, name: 'init', command: ['sh', '-c', 'echo hello > /data/text'] };
  const volumes = [{ name: 'data', emptyDir: { medium: 'Memory' } }];
  const pod = await run('files', { initContainers: [init], containers: [web], volumes, restartPolicy: 'Never' });
  const failed = await until('it has failed', 'files', ({ status }) => status?.phase === 'Failed');
  const terminated = failed.status?.containerStatuses?.[0]?.state?.terminated;
  assert.deepEqual([terminated?.exitCode, terminated?.message], [3, 'bye\n']);
  const log = join(stateDir, 'logs', `default_files_${pod.metadata.uid}`, 'web', '0.log');
  assert.match(readFileSync(log, 'utf8'), / stdout F hello\n$/);
  await end('files');
  // It was over, so it went from the API at once.
  await eventually('its logs have gone', async () => !existsSync(log));
  assertNothingOf(pod.metadata.uid ?? '');
});

test('an agent that is killed finds its pods again, and one that is told to end leaves nothing', async () => {
  const container = (name: string) => ({ name, image: BUSYBOX_IMAGE, command: [...POLITE] });
  const pod = await run('stays', { containers: [container('web')], initContainers: [] });
  const { status } = await until('it runs', 'stays', isRunning);
  agent.kill();
  agent = await startAgent();
  await run('comes', { containers: [container('web')] });
  await until('it runs', 'comes', isRunning);
  assert.deepEqual((await get('stays')).status?.containerStatuses, status?.containerStatuses);
  await agent.pods.stop('end');
  agent.kill();
  assert.deepEqual(await containerd.runtime.listSandboxes(), []);
  assertNothingOf(pod.metadata.uid ?? '');
  assert.equal(isTrue((await get('stays')).status?.conditions, 'Ready'), false);
  agent = await startAgent();
  const again = await until('it runs again', 'stays', isRunning);
  assert.equal(again.status?.containerStatuses?.[0]?.restartCount, 1);
  await Promise.all([end('stays'), end('comes')]);
});

test('a containerd that is killed does not take containers with it, and what was begun is finished once it is back', async () => {
  const containers = [{ name: 'web', image: BUSYBOX_IMAGE, command: [...POLITE] }];
  await run('before', { containers });
  const { status } = await until('it runs', 'before', isRunning);
  await containerd.kill();
  await eventually('the node says that its runtime is gone', async () => (await runtimeReady()) === 'False');
  await run('after', { containers });
  await containerd.start();
  await until('it runs', 'after', isRunning);
  assert.equal(await runtimeReady(), 'True');
  assert.deepEqual((await get('before')).status?.containerStatuses, status?.containerStatuses);
  await Promise.all([end('before'), end('after')]);
});

test('what an agent that was killed has left is cleaned up without it', async () => {
  const volumes = [{ name: 'data', emptyDir: { medium: 'Memory' } }];
  const mounted = { volumeMounts: [{ name: 'data', mountPath: '/data' }] };
  const deaf = { name: 'web', image: BUSYBOX_IMAGE, command: [...DEAF], ...mounted };
  const pod = await run('left', { containers: [deaf], volumes });
  await until('it runs', 'left', isRunning);
  agent.kill();
  const runtimeEndpoint = { socketPath: containerd.socketPath };
  await cleanupPods({ nodeName: NODE_NAME, stateDir, runtimeEndpoint, log: silentLogger });
  assert.deepEqual(await containerd.runtime.listSandboxes(), []);
  assertNothingOf(pod.metadata.uid ?? '');
  assert.deepEqual(readdirSync(containerd.cni.confDir), []);
  client.remove(Pod, { namespace: 'default', name: 'left' });
});

async function run(name: string, spec: Partial<PodSpec>): Promise<Pod> {
  return client.create(Pod, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: {
      nodeName: NODE_NAME,
      hostNetwork: true,
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 2,
      ...spec,
    },
  } as Pod);
}

function get(name: string): Promise<Pod> {
  return client.get(Pod, { namespace: 'default', name });
}

function isRunning(pod: Pod): boolean {
  return pod.status?.phase === 'Running' && isTrue(pod.status.conditions, 'Ready');
}

async function until(what: string, name: string, holds: (pod: Pod) => boolean): Promise<Pod> {
  await eventually(`${name}: ${what}`, async () => holds(await get(name)));
  return get(name);
}

async function end(name: string): Promise<void> {
  await client.delete(Pod, { namespace: 'default', name });
  await eventually(`${name} has gone`, async () => {
    const { items } = await client.list(Pod);
    return items.every(({ metadata }) => metadata.name !== name);
  });
}

async function runtimeReady(): Promise<string | undefined> {
  const { status } = await client.get(Node, { name: NODE_NAME });
  return status?.conditions?.find(({ type }) => type === 'postern.dev/ContainerRuntimeReady')?.status;
}

async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const begun = Date.now(); !(await holds()); ) {
    if (Date.now() - begun > PATIENCE) {
      const { items } = await client.list(Pod);
      throw new Error(`not within ${PATIENCE} ms: ${what}\n${JSON.stringify(items, null, 1)}`);
    }
    await sleep(20);
  }
}

/** No folder, no mount, no control group and no process of the pod is left. */
function assertNothingOf(uid: string): void {
  assert.equal(existsSync(join(stateDir, 'pods', uid)), false);
  assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(uid));
  const groups = readdirSync('/sys/fs/cgroup', { recursive: true, encoding: 'utf8' });
  assert.deepEqual(
    groups.filter((path) => path.includes(uid)),
    [],
  );
}
