/** Configurations as a real containerd takes them: run by `real.test.ts` in a world for containers. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ConfigMap } from '../../api/core/v1/configmap.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Container, PodSpec } from '../../api/core/v1/pod-spec.ts';
import { Secret } from '../../api/core/v1/secret.ts';
import { fakeClient } from '../../client/fake.ts';
import { silentLogger } from '../../host/log.ts';
import { mountsBeneath } from '../../host/mounts.ts';
import { podCgroup, removePodCgroup } from '../cgroups.ts';
import { startContainerd, type TestContainerd } from '../testing/containerd.ts';
import { BUSYBOX_IMAGE } from '../testing/images.ts';
import { openPodParts, type PodParts } from './open.ts';
import { container, pod, service } from './testing.ts';

const dir = mkdtempSync('/run/c-');
const metadata = (name: string) => ({ name, namespace: 'shop' });
const ended = new AbortController();
let containerd: TestContainerd;
let parts: PodParts;
let pods = 0;

before(async () => {
  containerd = await startContainerd({ dir });
  const client = fakeClient();
  await client.create(ConfigMap, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadata('settings'),
    data: { a: 'A' },
  });
  const data = { key: Buffer.from('K').toString('base64') };
  await client.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: metadata('keys'), data });
  const options = {
    client,
    nodeName: 'n1',
    stateDir: join(dir, 'state'),
    clusterDomain: 'cluster.local',
    clusterDNS: () => ['10.244.1.1'],
    hostIPs: ['192.0.2.10'],
    allocatable: () => ({ memory: '64Mi' }),
    services: () => [service('kubernetes', { clusterIP: '10.96.0.1', ports: [{ port: 443 }] }, 'default')],
    events: { event: () => {} },
    changed: () => {},
    log: silentLogger,
  };
  parts = await openPodParts(options, ended.signal);
});

after(async () => {
  ended.abort();
  await containerd.stop();
  assert.deepEqual(await mountsBeneath(join(dir, 'state')), []);
});

interface Run {
  readonly exitCode: number;
  readonly lines: readonly string[];
  /** Bytes that the pod as a whole may have. */
  readonly memoryLimit: number;
}

/** Runs the script in a container of a pod on the host's network, to its end. */
async function run(script: string, fields: Partial<Container> = {}, spec: PodSpec = {}): Promise<Run> {
  const main = container({ command: ['sh', '-c', script], image: BUSYBOX_IMAGE, ...fields });
  const uid = `uid-${++pods}`;
  const whole = pod({ hostNetwork: true, ...spec, containers: [main] }, { uid, name: `p${pods}` });
  const { runtime } = containerd;
  const sandbox = await parts.configs.sandbox(whole, 0);
  assert.ok(sandbox.kind === 'ready');
  const volumes = await parts.volumes.ensure(whole);
  assert.ok(volumes.kind === 'ready', volumes.kind === 'problem' ? volumes.message : '');
  const sandboxID = await runtime.runSandbox(sandbox.config);
  try {
    const config = await containerOf(whole, main, volumes.paths);
    const id = await runtime.createContainer(sandboxID, config, sandbox.config);
    const end = endOf(id);
    await runtime.startContainer(id);
    await end;
    const { exitCode, logPath } = await runtime.containerStatus(id);
    const lines = readFileSync(logPath, 'utf8').trim().split('\n');
    return {
      exitCode,
      memoryLimit: memoryLimitOf(uid),
      lines: lines.map((line) => line.split(' ').slice(3).join(' ')),
    };
  } finally {
    await runtime.stopSandbox(sandboxID);
    await runtime.removeSandbox(sandboxID);
    await parts.volumes.remove(uid);
    await removePodCgroup('n1', uid);
  }
}

function memoryLimitOf(uid: string): number {
  const path = podCgroup('n1', uid);
  const files = [`/sys/fs/cgroup${path}/memory.max`, `/sys/fs/cgroup/memory${path}/memory.limit_in_bytes`];
  return Number(readFileSync(files.find((file) => existsSync(file)) ?? '', 'utf8'));
}

async function containerOf(whole: Pod, main: Container, volumes: ReadonlyMap<string, string>) {
  const image = await containerd.runtime.imageStatus(BUSYBOX_IMAGE);
  assert.ok(image);
  const podIPs = ['192.0.2.10'];
  const request = { pod: whole, container: main, restartCount: 0, podIPs, imageRef: image.id, image, volumes };
  const made = await parts.configs.container(request);
  assert.ok(made.kind === 'ready', made.kind === 'problem' ? made.message : '');
  return made.config;
}

/** Resolves when the container has ended; listens from the start. */
async function endOf(id: string): Promise<void> {
  const ends = new AbortController();
  for await (const event of containerd.runtime.events(ends.signal)) {
    if (event.type === 'STOPPED' && event.containerID === id) return;
  }
}

test('a container sees its variables, its volumes and the files that every container has', async () => {
  const script = [
    'echo $A $KUBERNETES_SERVICE_HOST $1',
    'cat /settings/a; echo; cat /one; echo; cat /keys/key; echo',
    'echo x > /data/x && cat /data/x',
    'echo y > /settings/y || echo read-only',
    'grep -c Kubernetes-managed /etc/hosts',
    'grep nameserver /etc/resolv.conf',
    'pwd; echo bye > /dev/termination-log && cat /dev/termination-log',
  ].join('\n');
  const { exitCode, lines } = await run(
    script,
    {
      args: ['sh', '$(A)'],
      workingDir: '/data',
      env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'settings', key: 'a' } } }],
      volumeMounts: [
        { name: 'settings', mountPath: '/settings' },
        { name: 'settings', mountPath: '/one', subPath: 'a' },
        { name: 'keys', mountPath: '/keys' },
        { name: 'data', mountPath: '/data', subPath: 'deep/er' },
      ],
    },
    {
      dnsPolicy: 'ClusterFirstWithHostNet',
      volumes: [
        { name: 'settings', configMap: { name: 'settings' } },
        { name: 'keys', secret: { secretName: 'keys' } },
        { name: 'data', emptyDir: {} },
      ],
    },
  );
  assert.equal(exitCode, 0);
  const said = lines.filter((line) => !line.startsWith('sh: '));
  const files = ['A 10.96.0.1 A', 'A', 'A', 'K', 'x', 'read-only', '1'];
  assert.deepEqual(said, [...files, 'nameserver 10.244.1.1', '/data', 'bye']);
});

test('a container has the rights that it is given, and no more than its limits', async () => {
  const script = [
    'id -u; id -g; id -G',
    'grep -E "^(NoNewPrivs|CapBnd|Seccomp):" /proc/self/status | tr -d "\\t"',
    'touch /here 2>/dev/null || echo read-only',
    'touch /mine/x && stat -c "%u %g" /mine/x',
    'cat /proc/self/oom_score_adj',
  ].join('\n');
  const { lines, memoryLimit } = await run(
    script,
    {
      resources: { requests: { memory: '1Mi' }, limits: { cpu: '500m', memory: '32Mi' } },
      volumeMounts: [{ name: 'mine', mountPath: '/mine' }],
      securityContext: {
        runAsUser: 1000,
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
        seccompProfile: { type: 'RuntimeDefault' },
      },
    },
    {
      securityContext: { runAsGroup: 3000, fsGroup: 2000, supplementalGroups: [4000] },
      volumes: [{ name: 'mine', emptyDir: {} }],
    },
  );
  assert.deepEqual(lines.slice(0, 3), ['1000', '3000', '3000 2000 4000']);
  assert.deepEqual(lines.slice(3, 6), ['CapBnd:0000000000000400', 'NoNewPrivs:1', 'Seccomp:2']);
  assert.equal(lines[6], 'read-only');
  assert.equal(lines[7], '1000 2000');
  assert.equal(Number(lines[8]), 999);
  assert.equal(memoryLimit, 32 * 1024 * 1024);
});
