/** Images from a registry and from archives, with a real containerd: run by `pull.test.ts` in a world for containers. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Secret } from '../../api/core/v1/secret.ts';
import { silentLogger } from '../../host/log.ts';
import { connect } from '../cri/connection.ts';
import { containerConfig, sandboxConfig } from '../testing/configs.ts';
import { startContainerd, type TestContainerd } from '../testing/containerd.ts';
import { startRegistry, type TestRegistry } from '../testing/registry.ts';
import { buildImage, type ImageSpec } from './build.ts';
import { busyboxFiles, pauseImage } from './busybox.ts';
import { importImages } from './import.ts';
import { imageManager } from './manager.ts';

const dir = mkdtempSync('/run/c-');
const sandbox = sandboxConfig({ name: 'web', logDirectory: join(dir, 'logs') });
const busybox: ImageSpec = { files: busyboxFiles(), cmd: ['echo', 'pulled'] };
let registry: TestRegistry;
let containerd: TestContainerd;

before(async () => {
  registry = await startRegistry();
  containerd = await startContainerd({ dir, registries: [registry.host], images: [pauseImage()] });
  registry.add('team/open', '1', busybox);
  registry.add('team/closed', '1', busybox, 'amy:secret');
});
after(async () => {
  await containerd.stop();
  registry.close();
});

test('an image is pulled from a registry, and a container runs it', async () => {
  const { runtime } = containerd;
  const result = await ensure('team/open:1', 'IfNotPresent');
  assert.ok(result.kind === 'present');
  const sandboxID = await runtime.runSandbox(sandbox);
  const id = await runtime.createContainer(sandboxID, containerConfig({ name: 'c', image: result.imageRef }), sandbox);
  await runtime.startContainer(id);
  await runtime.stopContainer(id, 5);
  const { logPath, image } = await runtime.containerStatus(id);
  assert.match(readFileSync(logPath, 'utf8'), /stdout F pulled\n/);
  assert.equal(image, `${registry.host}/team/open:1`);
});

test('with IfNotPresent the registry is not asked again, with Always it is', async () => {
  await ensure('team/open:1', 'IfNotPresent');
  const before = registry.requests.length;
  await ensure('team/open:1', 'IfNotPresent');
  assert.equal(registry.requests.length, before);
  await ensure('team/open:1', 'Always');
  assert.deepEqual(registry.requests.slice(before), ['HEAD /v2/team/open/manifests/1']);
});

test('an image for some is pulled with the pod’s credentials, and not without', async () => {
  const denied = await ensure('team/closed:1', 'Always');
  assert.ok(denied.kind === 'problem' && denied.reason === 'ErrImagePull');
  assert.match(denied.message, /failed to resolve reference ".*\/team\/closed:1": .*(401|authorization|denied)/);
  const allowed = await ensure('team/closed:1', 'Always', { [registry.host]: { username: 'amy', password: 'secret' } });
  assert.equal(allowed.kind, 'present');
});

test('an image that the registry does not have is told in containerd’s words', async () => {
  const result = await ensure('team/open:2', 'IfNotPresent');
  assert.ok(result.kind === 'problem' && result.reason === 'ErrImagePull');
  assert.match(result.message, /team\/open:2": .*not found/);
});

test('with Always, an image that was imported is not used while its registry is not there', async () => {
  const name = '127.0.0.1:1/imported:1';
  await containerd.addImage({ ...busybox, name });
  assert.equal((await ensureNamed(name, 'IfNotPresent')).kind, 'present');
  const result = await ensureNamed(name, 'Always');
  assert.ok(result.kind === 'problem' && result.reason === 'ErrImagePull');
  assert.match(result.message, /connection refused/);
});

test('an archive that was tampered with is refused by its digests, and nothing of it is kept', async () => {
  const files = [{ kind: 'file', name: 'motto', data: 'what is signed is sealed' }] as const;
  const archive = buildImage({ files, name: 'example.com/tampered:1' });
  archive.write('stolen', archive.lastIndexOf('sealed'));
  const file = join(dir, 'tampered.tar');
  writeFileSync(file, archive);
  const connection = await connect(containerd.socketPath);
  await assert.rejects(importImages({ connection, file }), /unexpected commit digest|damaged/);
  connection.close();
  assert.equal(await containerd.runtime.imageStatus('example.com/tampered:1'), undefined);
});

const ensure = (name: string, policy: string, auths?: object) => ensureNamed(`${registry.host}/${name}`, policy, auths);

function ensureNamed(image: string, imagePullPolicy: string, auths?: object) {
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default', uid: 'u1' },
    spec: { containers: [], imagePullSecrets: auths === undefined ? [] : [{ name: 'pull' }] },
  };
  const secret: Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'pull', namespace: 'default' },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') },
  };
  const manager = imageManager({
    runtime: containerd.runtime,
    client: { get: async () => secret as never },
    events: { event: () => {} },
    log: silentLogger,
  });
  return manager.ensure(pod, { name: 'c', image, imagePullPolicy }, sandbox, new AbortController().signal);
}
