// Tests that mount: run by volumes.test.ts in a mount namespace of their own.
import assert from 'node:assert/strict';
import { mkdir, open, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigMap } from '../../api/core/v1/configmap.ts';
import { mountsBeneath, openMounts } from '../../host/mounts.ts';
import { POD_UID, pod } from '../config/testing.ts';
import { at, made, metadata, mode, mounted, refused, until, withVolumes, world } from './testing.ts';
import './containers.fixture.ts';

/** 6.04 for 6.4. */
function linuxVersion(): number {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major + minor / 100;
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
