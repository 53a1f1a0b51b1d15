import assert from 'node:assert/strict';
import {
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { PodSpec } from '../../api/core/v1/pod-spec.ts';
import type { Volume } from '../../api/core/v1/volume.ts';
import { container, objects, pod } from '../config/testing.ts';
import { writeAtomically } from './atomic-files.ts';
import { type VolumeFiles, volumeFiles } from './files.ts';
import { checkHostPath } from './host-path.ts';
import { volumePlan } from './plan.ts';
import { usageOf } from './usage.ts';

const known = objects({
  ConfigMap: { settings: { a: 'A', 'b.conf': 'B' }, more: { a: 'other' } },
  Secret: { keys: { key: 'K' } },
});

/** `mode content` by path, or the message of the problem. */
function made(source: Omit<Volume, 'name'>, spec: PodSpec = {}): unknown {
  const plan = volumePlan({ name: 'v', ...source });
  if (plan.kind !== 'files') return plan;
  const tokens = new Map(plan.sources.flatMap((one) => (one.kind === 'token' ? [[one, `token-${one.audience}`]] : [])));
  const whole = pod(spec, { labels: { b: '2', a: '1"' } });
  const addresses = { podIPs: [], hostIPs: [] };
  const files = volumeFiles(plan, { pod: whole, addresses, allocatable: { cpu: '4' }, objects: known, tokens });
  if ('kind' in files) return files.message;
  return Object.fromEntries(
    [...files].map(([path, { content, mode, uid }]) => [
      path,
      `${mode.toString(8)}${uid === undefined ? '' : `/${uid}`} ${Buffer.from(content)}`,
    ]),
  );
}

test('all keys become files, or those that are named, with the modes that are asked for', () => {
  assert.deepEqual(made({ configMap: { name: 'settings' } }), { a: '644 A', 'b.conf': '644 B' });
  const items = [
    { key: 'a', path: 'x//y/../a' },
    { key: 'b.conf', path: 'b', mode: 0o400 },
  ];
  assert.deepEqual(made({ configMap: { name: 'settings', items, defaultMode: 0o440 } }), {
    'x/a': '440 A',
    b: '400 B',
  });
  assert.deepEqual(made({ secret: { secretName: 'keys', defaultMode: 0o400 } }), { key: '400 K' });
});

test('what is missing is said in the kubelet’s words, unless it is optional', () => {
  const items = [{ key: 'none', path: 'x' }];
  assert.equal(made({ configMap: { name: 'gone' } }), 'configmap "gone" not found');
  assert.equal(made({ secret: { secretName: 'gone' } }), 'secret "gone" not found');
  assert.equal(made({ configMap: { name: 'settings', items } }), 'references non-existent config key: none');
  assert.equal(made({ secret: { secretName: 'keys', items } }), 'references non-existent secret key: none');
  assert.deepEqual(made({ configMap: { name: 'gone', optional: true } }), {});
  assert.deepEqual(made({ configMap: { name: 'settings', items, optional: true } }), {});
});

test('files tell of the pod', () => {
  const items = [
    { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
    { path: 'cpu', resourceFieldRef: { containerName: 'main', resource: 'limits.cpu', divisor: '1m' }, mode: 0o600 },
  ];
  assert.deepEqual(made({ downwardAPI: { items } }), { labels: '644 a="1\\""\nb="2"', cpu: '600 4000' });
  const wrong = [{ path: 'x', fieldRef: { fieldPath: 'status.phase' } }];
  assert.equal(made({ downwardAPI: { items: wrong } }), 'unsupported fieldPath: status.phase');
});

test('sources are projected into one volume, and a later one replaces files of an earlier one', () => {
  const sources = [
    { configMap: { name: 'settings' } },
    { configMap: { name: 'more' } },
    { secret: { name: 'keys', items: [{ key: 'key', path: 'secret/key' }] } },
    { serviceAccountToken: { path: 'token' } },
  ];
  const projected = { sources, defaultMode: 0o640 };
  const files = { a: '640 other', 'b.conf': '640 B', 'secret/key': '640 K' };
  assert.deepEqual(made({ projected }), { ...files, token: '640 token-undefined' });
  // Only the pod's one user, or its group, is to read its token.
  const runAs = (runAsUser: number) => container({ name: `c${runAsUser}`, securityContext: { runAsUser } });
  const token = (spec: PodSpec) => (made({ projected }, spec) as Record<string, string>)['token'];
  assert.equal(token({ containers: [runAs(7)] }), '600/7 token-undefined');
  assert.equal(token({ containers: [runAs(7), runAs(8)] }), '640 token-undefined');
  assert.equal(token({ securityContext: { fsGroup: 9 } }), '600 token-undefined');
});

test('no file is put outside of its volume', () => {
  for (const path of ['../x', '/x', '..data', 'a/../../x', '', 'a/..b']) {
    const items = [{ key: 'a', path }];
    assert.match(String(made({ configMap: { name: 'settings', items } })), /must be a relative path/, path);
  }
});

test('what Postern has no part for is refused with what to use instead', () => {
  const claim = { persistentVolumeClaim: { claimName: 'c' } } as unknown as Volume;
  const refused = made(claim) as { readonly kind: string; readonly message: string };
  assert.match(refused.message, /^volumes of persistentVolumeClaim are not supported here; use emptyDir, hostPath/);
  assert.equal((made({ emptyDir: { medium: 'HugePages' } }) as { kind: string }).kind, 'refused');
  const sources = [{ clusterTrustBundle: {} } as Record<string, object>];
  assert.equal((made({ projected: { sources } }) as { kind: string }).kind, 'refused');
  assert.deepEqual(made({ emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }), {
    kind: 'emptyDir',
    medium: 'memory',
    sizeLimit: 1_048_576,
  });
});

const folder = (t: { after(fn: () => Promise<void>): void }) => {
  const made = mkdtemp(join(tmpdir(), 'postern-volume-'));
  t.after(async () => rm(await made, { recursive: true }));
  return made;
};
const texts = (byPath: Record<string, string>): VolumeFiles =>
  new Map(Object.entries(byPath).map(([path, text]) => [path, { content: Buffer.from(text), mode: 0o640 }]));

test('files change all at once, and only when something is different', async (t) => {
  const dir = await folder(t);
  const read = (path: string) => readFile(join(dir, path), 'utf8');
  assert.equal(await writeAtomically(dir, texts({ a: '1', 'x/y': '1', 'x/z': '1' }), undefined), true);
  assert.equal(await read('x/y'), '1');
  assert.equal((await stat(join(dir, 'a'))).mode & 0o777, 0o640);
  const before = await readlink(join(dir, '..data'));
  assert.equal(await writeAtomically(dir, texts({ a: '1', 'x/y': '1', 'x/z': '1' }), undefined), false);
  assert.equal(await readlink(join(dir, '..data')), before);

  assert.equal(await writeAtomically(dir, texts({ a: '2', b: '2' }), undefined), true);
  const after = await readlink(join(dir, '..data'));
  assert.notEqual(after, before);
  assert.deepEqual((await readdir(dir)).sort(), [after, '..data', 'a', 'b'].sort());
  assert.equal(await readlink(join(dir, 'a')), '..data/a');
  assert.equal(await read('a'), '2');
  assert.equal(await writeAtomically(dir, new Map(), undefined), true);
  assert.deepEqual((await readdir(dir)).length, 2);
});

test('what a cut-off change left behind is tidied up by the next', async (t) => {
  const dir = await folder(t);
  await writeAtomically(dir, texts({ a: '1' }), undefined);
  await mkdir(join(dir, '..2026_01_01_00_00_00.0000000000'));
  await writeFile(join(dir, '..2026_01_01_00_00_00.0000000000', 'a'), 'half');
  await symlink('nowhere', join(dir, '..data_tmp'));
  await rm(join(dir, 'a'));
  assert.equal(await writeAtomically(dir, texts({ a: '1' }), undefined), false);
  assert.equal((await readdir(dir)).length, 3);
  assert.equal(await readFile(join(dir, 'a'), 'utf8'), '1');
  // A state that somebody has spoilt is written again.
  await writeFile(join(dir, 'a'), 'spoilt');
  assert.equal(await writeAtomically(dir, texts({ a: '1' }), undefined), true);
  assert.equal(await readFile(join(dir, 'a'), 'utf8'), '1');
});

test('a path of the node has to be what its type says, or is made', async (t) => {
  const dir = await folder(t);
  const at = (name: string) => join(dir, name);
  await writeFile(at('file'), '');
  assert.equal(await checkHostPath(at('none'), ''), undefined);
  assert.equal(await checkHostPath(dir, 'Directory'), undefined);
  assert.equal(await checkHostPath(at('file'), 'File'), undefined);
  assert.equal(await checkHostPath('/dev/null', 'CharDevice'), undefined);
  const failed = (name: string, what: string) => `hostPath type check failed: ${at(name)} is not ${what}`;
  assert.equal(await checkHostPath(at('file'), 'Directory'), failed('file', 'a directory'));
  assert.equal(await checkHostPath(at('none'), 'Directory'), failed('none', 'a directory'));
  assert.equal(await checkHostPath(at('none'), 'Socket'), failed('none', 'a socket'));
  assert.equal(await checkHostPath(at('file'), 'DirectoryOrCreate'), failed('file', 'a directory'));
  assert.equal(await checkHostPath(at('file'), 'BlockDevice'), failed('file', 'a block device'));
  assert.equal(await checkHostPath(at('new/folder'), 'DirectoryOrCreate'), undefined);
  assert.equal(await checkHostPath(at('new/folder/file'), 'FileOrCreate'), undefined);
  assert.ok((await lstat(at('new/folder/file'))).isFile());
  assert.match((await checkHostPath(dir, 'Folder')) ?? '', /one of Directory, DirectoryOrCreate/);
});

test('what a folder takes on the disk is counted once, and nothing beyond its links', async (t) => {
  const dir = await folder(t);
  const all = 1e9;
  const empty = await usageOf(dir, all);
  await mkdir(join(dir, 'a'));
  await writeFile(join(dir, 'a', 'x'), Buffer.alloc(64 * 1024));
  await link(join(dir, 'a', 'x'), join(dir, 'a', 'y'));
  await symlink('/usr', join(dir, 'usr'));
  const usage = (await usageOf(dir, all)) - empty;
  assert.ok(usage >= 64 * 1024 && usage < 128 * 1024, String(usage));
  assert.ok((await usageOf(dir, 1)) > 1);
  assert.equal(await usageOf(join(dir, 'gone'), all), 0);
});
