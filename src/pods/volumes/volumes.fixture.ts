// Tests that mount: run by volumes.test.ts in a mount namespace of their own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readdir, readFile, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigMap } from '../../api/core/v1/configmap.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { PodSpec, VolumeMount } from '../../api/core/v1/pod-spec.ts';
import { Secret } from '../../api/core/v1/secret.ts';
import { type FakeClient, fakeClient } from '../../client/fake.ts';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { mountsBeneath, openMounts } from '../../host/mounts.ts';
import { openPodParts, type PodParts } from '../config/open.ts';
import { container, image, POD_UID, pod } from '../config/testing.ts';
import type { VolumePaths } from '../parts.ts';

interface World extends PodParts {
  readonly client: FakeClient;
  readonly clock: FakeClock;
  readonly stateDir: string;
  /** UIDs of pods that were said to be worth another try. */
  readonly changed: string[];
  /** Reasons and messages. */
  readonly events: string[];
  /** The same node after its agent was killed. */
  restart(): Promise<World>;
}

const metadata = (name: string) => ({ name, namespace: 'shop' });

async function world(t: TestContext): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-volumes-'));
  // As /var/run is on most machines.
  const stateDir = `${folder}-link`;
  await symlink(folder, stateDir);
  const clock = new FakeClock(Date.parse('2026-01-01T00:00:00Z'));
  const client = fakeClient([], { clock });
  await client.create(ConfigMap, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadata('settings'),
    data: { a: '1' },
  });
  const data = { key: Buffer.from('secret').toString('base64') };
  await client.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: metadata('keys'), data });
  let tokens = 0;
  client.answerRawWith(() => {
    const expirationTimestamp = new Date(clock.now() + 3_600_000).toISOString();
    return { status: { token: `token-${++tokens}`, expirationTimestamp } };
  });
  const ended = new AbortController();
  t.after(async () => {
    ended.abort();
    assert.deepEqual(await mountsBeneath(stateDir), [], 'a mount was left behind');
    await rm(folder, { recursive: true });
    await rm(stateDir);
  });
  const start = async (): Promise<World> => {
    const changed: string[] = [];
    const events: string[] = [];
    const options = {
      client,
      nodeName: 'n1',
      stateDir,
      clusterDomain: 'cluster.local',
      clusterDNS: () => ['10.244.1.1'],
      hostIPs: ['192.0.2.10'],
      allocatable: () => ({ memory: '64Mi' }),
      services: () => [],
      events: {
        event: (_: Pod, __: string, reason: string, message: string) => void events.push(`${reason}: ${message}`),
      },
      changed: (uid: string) => void changed.push(uid),
      log: silentLogger,
      clock,
    };
    const parts = await openPodParts(options, ended.signal);
    return { ...parts, client, clock, stateDir, changed, events, restart: start };
  };
  return start();
}

async function made({ volumes }: World, of: Pod): Promise<VolumePaths> {
  const result = await volumes.ensure(of);
  assert.equal(result.kind, 'ready', result.kind === 'problem' ? result.message : '');
  return result.kind === 'ready' ? result.paths : new Map();
}

async function refused({ volumes }: World, of: Pod): Promise<string> {
  const result = await volumes.ensure(of);
  assert.ok(result.kind === 'problem');
  assert.equal(result.reason, 'FailedMount');
  return result.message;
}

/** 6.04 for 6.4. */
function linuxVersion(): number {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major + minor / 100;
}

/** The disk tells nobody when it has been written. */
async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await holds()) return;
    await sleep(10);
  }
  assert.fail('it never came to hold');
}

const withVolumes = (volumes: PodSpec['volumes'], spec: PodSpec = {}) => pod({ ...spec, volumes: volumes ?? [] });
const at = (paths: VolumePaths, volume: string, ...parts: string[]) => join(paths.get(volume) ?? '', ...parts);
const mode = async (path: string) => (await stat(path)).mode & 0o7777;

/** The mounts of the container `main`, by path in it; or the message of the problem. */
async function mounted(
  { configs }: World,
  whole: Pod,
  volumes: VolumePaths,
  volumeMounts: readonly VolumeMount[],
  restartCount = 0,
): Promise<ReadonlyMap<string, string> | string> {
  const main = container({ volumeMounts: [...volumeMounts] });
  const podIPs = ['10.244.1.7'];
  const request = { pod: whole, container: main, restartCount, podIPs, imageRef: 'i', image: image(), volumes };
  const result = await configs.container(request);
  if (result.kind === 'problem') return result.message;
  return new Map(result.config.mounts.map(({ containerPath, hostPath }) => [containerPath, hostPath]));
}

test('every sort of volume is made, and nothing is left of them', async (t) => {
  const w = await world(t);
  const volumes = [
    { name: 'disk', emptyDir: {} },
    { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
    { name: 'settings', configMap: { name: 'settings' } },
    { name: 'keys', secret: { secretName: 'keys', defaultMode: 0o400 } },
    { name: 'me', downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
    { name: 'all', projected: { sources: [{ serviceAccountToken: { path: 'token' } }, { secret: { name: 'keys' } }] } },
    { name: 'host', hostPath: { path: w.stateDir, type: 'Directory' } },
  ];
  const paths = await made(w, withVolumes(volumes));
  assert.equal(await mode(at(paths, 'disk')), 0o777);
  assert.equal(await readFile(at(paths, 'settings', 'a'), 'utf8'), '1');
  assert.equal(await readFile(at(paths, 'keys', 'key'), 'utf8'), 'secret');
  assert.equal(await mode(at(paths, 'keys', 'key')), 0o400);
  assert.equal(await readFile(at(paths, 'me', 'name'), 'utf8'), 'web');
  assert.equal(await readFile(at(paths, 'all', 'token'), 'utf8'), 'token-1');
  assert.equal(paths.get('host'), w.stateDir);
  // What only some should read never touches the disk.
  const real = await realpath(w.stateDir);
  const inMemory = ['all', 'keys', 'me', 'memory'].map((name) => at(paths, name).replace(w.stateDir, real));
  assert.deepEqual([...(await mountsBeneath(w.stateDir))].sort(), inMemory.sort());
  const options = (await readFile('/proc/self/mounts', 'utf8'))
    .split('\n')
    .find((line) => line.includes('/volumes/keys '));
  // Older kernels have it where somebody has put it in.
  if (linuxVersion() >= 6.04) assert.match(options ?? '', /noswap/);
  await assert.rejects(writeFile(at(paths, 'memory', 'big'), Buffer.alloc(2 ** 21)), { code: 'ENOSPC' });
  const body = w.client.calls[0]?.body as { readonly spec: { readonly boundObjectRef: { readonly uid: string } } };
  assert.equal(body.spec.boundObjectRef.uid, POD_UID);

  assert.deepEqual(await w.volumes.podUIDs(), [POD_UID]);
  assert.equal(await mode(join(w.stateDir, 'pods', POD_UID)), 0o700);
  // A process that still uses a volume does not keep the pod's folder.
  const file = await open(at(paths, 'keys', 'key'));
  await w.volumes.remove(POD_UID);
  await file.close();
  assert.deepEqual(await w.volumes.podUIDs(), []);
  assert.ok((await stat(w.stateDir)).isDirectory());
  await w.volumes.remove(POD_UID);
});

test('volumes belong to the group that the pod asks for', async (t) => {
  const w = await world(t);
  const volumes = [
    { name: 'disk', emptyDir: {} },
    { name: 'keys', secret: { secretName: 'keys', defaultMode: 0o400, items: [{ key: 'key', path: 'x/key' }] } },
  ];
  const paths = await made(w, withVolumes(volumes, { securityContext: { fsGroup: 2000 } }));
  assert.equal((await stat(at(paths, 'disk'))).gid, 2000);
  assert.equal(await mode(at(paths, 'disk')), 0o2777);
  assert.equal((await stat(at(paths, 'keys', 'x', 'key'))).gid, 2000);
  assert.equal(await mode(at(paths, 'keys', 'x', 'key')), 0o440);
  assert.equal(await mode(at(paths, 'keys', 'x')), 0o2755);
  await w.volumes.remove(POD_UID);
});

test('files follow the objects that they are made from, and stay when those have gone', async (t) => {
  const w = await world(t);
  const paths = await made(w, withVolumes([{ name: 'settings', configMap: { name: 'settings' } }]));
  const text = () => readFile(at(paths, 'settings', 'a'), 'utf8');
  const key = { namespace: 'shop', name: 'settings' };
  await w.client.patch(ConfigMap, key, { type: 'merge', body: { data: { a: '2' } } });
  await until(async () => (await text()) === '2');
  await w.client.delete(ConfigMap, key);
  const again = await made(w, withVolumes([{ name: 'settings', configMap: { name: 'settings' } }]));
  assert.equal(again.get('settings'), paths.get('settings'));
  assert.equal(await text(), '2');
  assert.deepEqual(w.events, [
    'FailedMount: MountVolume.SetUp failed for volume "settings" : configmap "settings" not found',
  ]);
  await w.client.create(ConfigMap, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadata('settings'),
    data: { a: '3' },
  });
  await until(async () => (await text()) === '3');
  assert.deepEqual(w.changed, []);
  await w.volumes.remove(POD_UID);
});

test('a running pod is kept up to date although one of its volumes could not be made any more', async (t) => {
  const w = await world(t);
  const folder = join(w.stateDir, 'srv');
  await mkdir(folder);
  const volumes = [
    { name: 'host', hostPath: { path: folder, type: 'Directory' } },
    { name: 'settings', configMap: { name: 'settings' } },
  ];
  const paths = await made(w, withVolumes(volumes));
  await rm(folder, { recursive: true });
  const key = { namespace: 'shop', name: 'settings' };
  await w.client.patch(ConfigMap, key, { type: 'merge', body: { data: { a: '2' } } });
  await until(() => w.events.length > 0);
  await mkdir(folder);
  await until(async () => {
    await w.clock.advance(30_000);
    return (await readFile(at(paths, 'settings', 'a'), 'utf8')) === '2';
  });
  assert.equal(w.events.length, 1);
  await w.volumes.remove(POD_UID);
});

test('a pod whose objects are missing is told of when they appear', async (t) => {
  const w = await world(t);
  const whole = withVolumes([{ name: 'v', configMap: { name: 'later' } }]);
  assert.equal(await refused(w, whole), 'MountVolume.SetUp failed for volume "v" : configmap "later" not found');
  const draft = { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata('later'), data: { a: '1' } };
  await w.client.create(ConfigMap, draft);
  await until(() => w.changed.includes(POD_UID));
  await made(w, whole);
  await w.volumes.remove(POD_UID);
  // Nobody follows it any more.
  w.changed.length = 0;
  await w.client.delete(ConfigMap, { namespace: 'shop', name: 'later' });
  assert.deepEqual(w.changed, []);
});

test('what cannot be made is said, volume by volume', async (t) => {
  const w = await world(t);
  const set = (volume: object) => refused(w, withVolumes([{ name: 'v', ...volume }]));
  const failed = (why: string) => `MountVolume.SetUp failed for volume "v" : ${why}`;
  const file = join(w.stateDir, 'file');
  await writeFile(file, '');
  const found = await set({ hostPath: { path: file, type: 'Directory' } });
  assert.equal(found, failed(`hostPath type check failed: ${file} is not a directory`));
  const claim = await set({ persistentVolumeClaim: { claimName: 'c' } });
  assert.match(claim, /^MountVolume.SetUp failed for volume "v" : volumes of persistentVolumeClaim are not supported/);
  w.client.answerRawWith(() => {
    throw new Error('no such account');
  });
  const token = await set({ projected: { sources: [{ serviceAccountToken: { path: 't' } }] } });
  assert.equal(token, failed('failed to fetch token: no such account'));
  await w.volumes.remove(POD_UID);
});

test('tokens are replaced before they end', async (t) => {
  const w = await world(t);
  const projected = { sources: [{ serviceAccountToken: { path: 'token', audience: 'vault' } }] };
  const paths = await made(w, withVolumes([{ name: 'v', projected }]));
  const token = () => readFile(at(paths, 'v', 'token'), 'utf8');
  await w.clock.advance(47 * 60_000);
  await made(w, withVolumes([{ name: 'v', projected }]));
  assert.equal(await token(), 'token-1');
  await w.clock.advance(2 * 60_000);
  await until(async () => (await token()) === 'token-2');
  // An API that does not answer is asked again, and the old token stays.
  w.client.answerRawWith(() => {
    throw new Error('the API server is away');
  });
  await w.clock.advance(49 * 60_000);
  assert.equal(await token(), 'token-2');
  await made(w, withVolumes([{ name: 'v', projected }]));
  w.client.answerRawWith(() => ({
    status: { token: 'token-3', expirationTimestamp: new Date(w.clock.now() + 600_000).toISOString() },
  }));
  await w.clock.advance(31_000);
  await until(async () => (await token()) === 'token-3');
  await w.volumes.remove(POD_UID);
});

test('after a kill everything is found again: nothing is mounted twice, nothing is lost', async (t) => {
  const before = await world(t);
  const volumes = [
    { name: 'disk', emptyDir: {} },
    { name: 'memory', emptyDir: { medium: 'Memory' } },
    { name: 'keys', secret: { secretName: 'keys' } },
    { name: 'host', hostPath: { path: join(before.stateDir, 'srv'), type: 'DirectoryOrCreate' } },
  ];
  const whole = withVolumes(volumes);
  const paths = await made(before, whole);
  await writeFile(at(paths, 'disk', 'mine'), 'kept');
  await writeFile(at(paths, 'memory', 'mine'), 'kept');
  await writeFile(at(paths, 'host', 'precious'), 'kept');
  await mkdir(at(paths, 'host', 'part'));
  await writeFile(at(paths, 'host', 'part', 'precious'), 'kept');
  await mounted(before, whole, paths, [{ name: 'host', mountPath: '/part', subPath: 'part' }]);
  const points = await mountsBeneath(before.stateDir);
  assert.equal(points.length, 3);
  const state = await readdir(at(paths, 'keys'));

  const after = await before.restart();
  await made(after, whole);
  assert.deepEqual(await mountsBeneath(after.stateDir), points);
  assert.deepEqual(await readdir(at(paths, 'keys')), state);
  assert.equal(await readFile(at(paths, 'disk', 'mine'), 'utf8'), 'kept');
  assert.equal(await readFile(at(paths, 'memory', 'mine'), 'utf8'), 'kept');

  // One that knows nothing of the pod removes all of it, and nothing of the node's own.
  const next = await after.restart();
  assert.deepEqual(await next.volumes.podUIDs(), [POD_UID]);
  await next.volumes.remove(POD_UID);
  assert.deepEqual(await next.volumes.podUIDs(), []);
  assert.equal(await readFile(at(paths, 'host', 'part', 'precious'), 'utf8'), 'kept');
  await after.volumes.remove(POD_UID);
});

test('parts of volumes are made and mounted, and no link leads out of a volume', async (t) => {
  const w = await world(t);
  const volumes = [
    { name: 'data', emptyDir: {} },
    { name: 'settings', configMap: { name: 'settings' } },
  ];
  const whole = withVolumes(volumes, { securityContext: { fsGroup: 2000 } });
  const paths = await made(w, whole);
  const part = async (name: string, subPath: string, restartCount = 0) => {
    const found = await mounted(w, whole, paths, [{ name, mountPath: '/part', subPath }], restartCount);
    return typeof found === 'string' ? found : (found.get('/part') ?? '');
  };
  const part1 = await part('data', 'a/b');
  await writeFile(join(part1, 'x'), 'here');
  assert.equal(await readFile(at(paths, 'data', 'a', 'b', 'x'), 'utf8'), 'here');
  // As the volume itself: whoever may write there may write here.
  assert.equal(await mode(at(paths, 'data', 'a', 'b')), 0o2777);
  assert.equal((await stat(at(paths, 'data', 'a', 'b'))).gid, 2000);

  await symlink('a/b', at(paths, 'data', 'inside'));
  assert.equal(await readFile(join(await part('data', 'inside'), 'x'), 'utf8'), 'here');
  const beyond = [
    ['root', '/etc'],
    ['up', '../../..'],
    ['magic', '/proc/self/root'],
  ] as const;
  for (const [name, target] of beyond) {
    await symlink(target, at(paths, 'data', name));
    for (const path of [name, `${name}/new/folder`]) {
      const why = await part('data', path);
      assert.match(why, /^failed to prepare subPath for volumeMount "data" of container "main": .*EXDEV/);
    }
  }
  // A single file has what it had until the container is started again.
  const file = await part('settings', 'a');
  assert.equal(await readFile(file, 'utf8'), '1');
  await w.client.patch(
    ConfigMap,
    { namespace: 'shop', name: 'settings' },
    { type: 'merge', body: { data: { a: '2' } } },
  );
  await until(async () => (await readFile(at(paths, 'settings', 'a'), 'utf8')) === '2');
  assert.equal(await readFile(file, 'utf8'), '1');
  assert.equal(await readFile(await part('settings', 'a', 1), 'utf8'), '2');
  assert.match(await part('settings', 'none', 2), /none: openat2: ENOENT/);
  await w.volumes.remove(POD_UID);
});

test('a link that is exchanged all the time never leads out of its volume', async (t) => {
  const w = await world(t);
  const whole = withVolumes([{ name: 'data', emptyDir: {} }]);
  const paths = await made(w, whole);
  await mkdir(at(paths, 'data', 'in'));
  await symlink('in', at(paths, 'data', 'link'));
  const script = 'cd "$1"; while :; do for to in /etc in; do ln -s $to new; mv -T new link; done; done';
  const attacker = spawn('sh', ['-c', script, 'sh', at(paths, 'data')], { stdio: 'ignore' });
  try {
    const seen = { inside: 0, refused: 0 };
    for (let i = 0; i < 2000 && (i < 50 || seen.inside * seen.refused === 0); i++) {
      const found = await mounted(w, whole, paths, [{ name: 'data', mountPath: '/part', subPath: 'link' }]);
      if (typeof found === 'string') seen.refused++;
      else seen.inside++;
      if (typeof found === 'string') continue;
      assert.equal((await stat(found.get('/part') ?? '')).ino, (await stat(at(paths, 'data', 'in'))).ino);
    }
    assert.ok(seen.inside > 0 && seen.refused > 0, JSON.stringify(seen));
  } finally {
    attacker.kill('SIGKILL');
    await once(attacker, 'exit');
  }
  await w.volumes.remove(POD_UID);
});

test('a full disk is said, takes no more with each try, and is no obstacle once there is room', async (t) => {
  const w = await world(t);
  const pods = join(await realpath(w.stateDir), 'pods');
  const { tmpfs, unmount } = await openMounts();
  await tmpfs(pods, { mode: 0o700, size: 256 * 1024 });
  const data = { big: 'x'.repeat(128 * 1024) };
  await w.client.create(ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata('big'), data });
  await writeFile(join(pods, 'filler'), Buffer.alloc(160 * 1024));
  const whole = withVolumes([{ name: 'v', configMap: { name: 'big' } }]);
  for (let i = 0; i < 3; i++) assert.match(await refused(w, whole), /"v" : ENOSPC: no space left on device/);
  assert.deepEqual(await readdir(join(pods, POD_UID, 'volumes', 'v')), []);
  await rm(join(pods, 'filler'));
  const paths = await made(w, whole);
  assert.equal((await readFile(at(paths, 'v', 'big'))).length, 128 * 1024);
  await w.volumes.remove(POD_UID);
  await unmount(pods);
});

test('a container finds its hosts file and a file for its last words, one for each run', async (t) => {
  const w = await world(t);
  const whole = pod();
  const paths = await made(w, whole);
  const run = async (restartCount: number) => {
    const found = await mounted(w, whole, paths, [], restartCount);
    assert.ok(typeof found !== 'string');
    return found;
  };
  const first = await run(0);
  assert.match(await readFile(first.get('/etc/hosts') ?? '', 'utf8'), /10\.244\.1\.7\tweb\n/);
  const log = first.get('/dev/termination-log') ?? '';
  assert.equal(log, w.volumes.terminationMessageFile(POD_UID, 'main', 0));
  // Whatever user the container runs as.
  assert.equal(await mode(log), 0o666);
  await writeFile(log, 'it broke');
  await run(1);
  assert.equal(await readFile(log, 'utf8'), 'it broke');
  await run(2);
  await assert.rejects(stat(log), { code: 'ENOENT' });
  await w.volumes.remove(POD_UID);
});

test('a container waits for the ConfigMap that its variables come from', async (t) => {
  const w = await world(t);
  const env = [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'later', key: 'a' } } }];
  const main = container({ env });
  const whole = pod({ containers: [main] });
  const volumes = await made(w, whole);
  const podIPs = ['10.244.1.7'];
  const request = { pod: whole, container: main, restartCount: 0, podIPs, imageRef: 'i', image: image(), volumes };
  const missing = await w.configs.container(request);
  assert.deepEqual(missing, {
    kind: 'problem',
    reason: 'CreateContainerConfigError',
    message: 'configmap "later" not found',
  });
  const draft = { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata('later'), data: { a: '1' }, immutable: true };
  await w.client.create(ConfigMap, draft);
  await until(() => w.changed.includes(POD_UID));
  const found = await w.configs.container(request);
  assert.ok(found.kind === 'ready');
  assert.deepEqual(found.config.envs, [{ key: 'A', value: '1' }]);
  w.configs.forget(POD_UID);
  await w.volumes.remove(POD_UID);
});

test('files tell of labels as they are now', async (t) => {
  const w = await world(t);
  const items = [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }];
  const spec = { volumes: [{ name: 'me', downwardAPI: { items } }] };
  const paths = await made(w, pod(spec, { labels: { app: 'a' } }));
  w.volumes.observe(pod(spec, { labels: { app: 'b' } }));
  await until(async () => (await readFile(at(paths, 'me', 'labels'), 'utf8')) === 'app="b"');
  await w.volumes.remove(POD_UID);
});

test('a pod whose volume holds more than it may is to be evicted, once', async (t) => {
  const w = await world(t);
  const volumes = [
    { name: 'cache', emptyDir: { sizeLimit: '1Mi' } },
    { name: 'free', emptyDir: {} },
  ];
  const paths = await made(w, withVolumes(volumes));
  await writeFile(at(paths, 'free', 'big'), Buffer.alloc(2 ** 21));
  await writeFile(at(paths, 'cache', 'small'), Buffer.alloc(2 ** 19));
  await w.clock.advance(10_000);
  assert.equal(w.volumes.exceeded(POD_UID), undefined);
  await mkdir(at(paths, 'cache', 'a'));
  await writeFile(at(paths, 'cache', 'a', 'big'), Buffer.alloc(2 ** 20));
  await until(async () => {
    await w.clock.advance(10_000);
    return w.volumes.exceeded(POD_UID) !== undefined;
  });
  const message = 'Usage of EmptyDir volume "cache" exceeds the limit "1Mi".';
  assert.equal(w.volumes.exceeded(POD_UID), message);
  assert.deepEqual(w.events, [`Evicted: ${message}`]);
  assert.deepEqual(w.changed, [POD_UID]);
  await w.volumes.remove(POD_UID);
});
