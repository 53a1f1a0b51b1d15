import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { encodeTar } from '../../lib/tar/write.ts';
import { ImageError } from './errors.ts';
import { imageFile } from './files.ts';
import { blobPath, type Descriptor, MEDIA_TYPES, putBlob, setReference } from './layout.ts';

let store = '';
beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), 'postern-images-'));
});
afterEach(() => rmSync(store, { recursive: true }));

type Files = Readonly<Record<string, string>>;

async function addImage(
  name: string,
  layers: readonly Files[],
  options: { gzip?: boolean } = {},
): Promise<Descriptor[]> {
  const stored = await Promise.all(
    layers.map((files) => {
      const entries = Object.entries(files).map(([path, text]) => ({
        kind: 'file' as const,
        name: path,
        data: Buffer.from(text),
      }));
      const bytes = encodeTar(entries);
      return options.gzip
        ? putBlob(store, `${MEDIA_TYPES.layer}+gzip`, gzipSync(bytes))
        : putBlob(store, MEDIA_TYPES.layer, bytes);
    }),
  );
  const config = await putBlob(store, MEDIA_TYPES.config, Buffer.from('{}'));
  const manifest = { schemaVersion: 2, config, layers: stored };
  await setReference(store, name, await putBlob(store, MEDIA_TYPES.manifest, Buffer.from(JSON.stringify(manifest))));
  return stored;
}

const read = async (name: string, path: string) => readFileSync(await imageFile(store, name, path), 'utf8');

test('a file is found as the layers show it together, compressed or not', async () => {
  const layers: Files[] = [
    { 'boot/kernel': 'old', 'boot/gone': 'x', 'etc/a': 'a' },
    { './boot/kernel': 'new', 'boot/.wh.gone': '' },
  ];
  for (const gzip of [false, true]) {
    await addImage(`example.com/guest-${gzip}`, layers, { gzip });
    assert.equal(await read(`example.com/guest-${gzip}`, '/boot/kernel'), 'new');
    assert.equal(await read(`example.com/guest-${gzip}:latest`, 'etc/a'), 'a');
    await assert.rejects(imageFile(store, `example.com/guest-${gzip}`, '/boot/gone'), /has no file \/boot\/gone/);
  }
});

test('a path that ends in a slash means the only file there', async () => {
  await addImage('one', [{ 'disk/image.qcow2': 'disk' }]);
  await addImage('two', [{ 'disk/a': '1', 'disk/b': '2' }]);
  assert.equal(await read('one', '/disk/'), 'disk');
  await assert.rejects(imageFile(store, 'two', '/disk/'), /2 files in \/disk/);
});

test('a layer whose content is not what its digest says is refused', async () => {
  const [layer] = await addImage('guest', [{ kernel: 'good' }]);
  const path = blobPath(store, layer?.digest ?? '');
  writeFileSync(path, readFileSync(path, 'latin1').replace('good', 'evil'), 'latin1');
  await assert.rejects(imageFile(store, 'guest', '/kernel'), (error: unknown) => {
    return error instanceof ImageError && error.reason === 'Corrupt';
  });
});

test('names inside an image never become paths of this machine', async () => {
  await addImage('guest', [{ '../../../escape': 'x', '/etc/passwd': 'y' }]);
  assert.equal(await read('guest', '/escape'), 'x');
  assert.deepEqual(readdirSync(store).sort(), ['blobs', 'files', 'index.json', 'oci-layout']);
  assert.ok(readdirSync(join(store, 'files')).every((name) => /^[0-9a-f]{64}$/.test(name)));
});

test('a missing image is named, with what the store has and what to do', async () => {
  await addImage('other', [{ a: '' }]);
  await assert.rejects(
    imageFile(store, 'postern.dev/demo', '/a'),
    /has other:latest\); build it with: postern image build demo/,
  );
});
