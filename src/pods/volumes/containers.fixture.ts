// What containers find of volumes, with real mounts: run by volumes.fixture.ts.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigMap } from '../../api/core/v1/configmap.ts';
import { container, image, POD_UID, pod } from '../config/testing.ts';
import { at, made, metadata, mode, mounted, until, withVolumes, world } from './testing.ts';

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
