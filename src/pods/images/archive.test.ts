import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { encodeTar, type TarEntry } from '../../lib/tar/write.ts';
import { readArchive } from './archive.ts';
import { type ArchivedImage, ArchiveError } from './archive-parts.ts';
import { buildImage, buildParts, type ImageSpec } from './build.ts';

const spec: ImageSpec = { name: 'example.com/web:1', files: [{ kind: 'file', name: 'a', data: 'A' }] };
const json = (name: string, value: unknown): TarEntry => ({ kind: 'file', name, data: JSON.stringify(value) });

async function read(t: TestContext, archive: Uint8Array): Promise<readonly ArchivedImage[]> {
  const path = join(tempDir(t), 'archive.tar');
  writeFileSync(path, archive);
  await using file = await open(path);
  return await readArchive(file);
}

test('an archive in the OCI layout has its image, what that is made of, and its name', async (t) => {
  const { manifest, config, layer } = buildParts(spec);
  const [image, ...others] = await read(t, buildImage(spec));
  assert.deepEqual(others, []);
  assert.equal(image?.name, 'example.com/web:1');
  assert.equal(image.target.digest, manifest.digest);
  // What is named comes before what names it.
  assert.deepEqual(
    image.blobs.map(({ digest }) => digest),
    [config.digest, layer.digest, manifest.digest],
  );
  assert.deepEqual(
    image.blobs.at(-1)?.children.map(({ digest }) => digest),
    [config.digest, layer.digest],
  );
});

test('a tag alone is no name', async (t) => {
  const { name: _, ...unnamed } = spec;
  assert.equal((await read(t, buildImage(unnamed)))[0]?.name, undefined);
});

test('of an image for several platforms only what is for this machine is taken', async (t) => {
  const { manifest, config, layer } = buildParts(spec);
  const descriptor = { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.data.length };
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const other = { ...descriptor, digest: `sha256:${'0'.repeat(64)}`, platform: { os: 'linux', architecture: 's390x' } };
  const own = { ...descriptor, platform: { os: 'linux', architecture } };
  const blobs = [manifest, config, layer].map(
    ({ digest, data }): TarEntry => ({ kind: 'file', name: `blobs/${digest.replace(':', '/')}`, data }),
  );
  const layout = (manifests: readonly object[]) => encodeTar([json('index.json', { manifests }), ...blobs]);
  assert.deepEqual(
    (await read(t, layout([other, own]))).map(({ target }) => target.digest),
    [manifest.digest],
  );
  await assert.rejects(read(t, layout([other])), /no image for linux/);
});

test('a few bytes that name each other without end take no time', async (t) => {
  const index = 'application/vnd.oci.image.index.v1+json';
  let named = { mediaType: 'x', digest: `sha256:${'0'.repeat(64)}`, size: 1 };
  const entries: TarEntry[] = [{ kind: 'file', name: `blobs/sha256/${'0'.repeat(64)}`, data: 'x' }];
  for (let level = 0; level < 4; level++) {
    const data = JSON.stringify({ manifests: Array.from({ length: 1000 }, () => named) });
    const digest = createHash('sha256').update(data).digest('hex');
    entries.push({ kind: 'file', name: `blobs/sha256/${digest}`, data });
    named = { mediaType: index, digest: `sha256:${digest}`, size: data.length };
  }
  const images = await read(t, encodeTar([json('index.json', { manifests: [named] }), ...entries]));
  assert.equal(images[0]?.blobs.length, 5);
});

test('an archive of Docker’s older form has the same, with links among its layers', async (t) => {
  const { layer, config } = buildParts(spec);
  const images = await read(
    t,
    encodeTar([
      { kind: 'file', name: 'one/layer.tar', data: layer.data },
      { kind: 'symlink', name: 'two/layer.tar', target: '../one/layer.tar' },
      { kind: 'file', name: 'config.json', data: config.data },
      json('manifest.json', [
        { Config: 'config.json', RepoTags: ['web:1', 'web:2'], Layers: ['one/layer.tar', 'two/layer.tar'] },
      ]),
    ]),
  );
  assert.deepEqual(
    images.map(({ name }) => name),
    ['web:1', 'web:2'],
  );
  const [{ blobs, target } = images[0] ?? assert.fail()] = images;
  assert.deepEqual(
    blobs.map(({ digest }) => digest),
    [config.digest, layer.digest, layer.digest, target.digest],
  );
  const { source } = blobs.at(-1) ?? assert.fail();
  assert.ok(source.kind === 'bytes');
  assert.equal(`sha256:${createHash('sha256').update(source.data).digest('hex')}`, target.digest);
});

test('what is no archive of images is refused with what it is', async (t) => {
  const { manifest } = buildParts(spec);
  const entry = { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.data.length };
  const manifestBlob: TarEntry = {
    kind: 'file',
    name: `blobs/${manifest.digest.replace(':', '/')}`,
    data: manifest.data,
  };
  const whole = buildImage(spec);
  const cases: readonly (readonly [Uint8Array, RegExp])[] = [
    [Buffer.alloc(0), /too short/],
    [Buffer.from('#!/bin/sh\n'.repeat(100)), /not a tar archive/],
    [gzipSync(whole), /compressed/],
    [whole.subarray(0, 5000), /ends within|lacks|cut short/],
    [encodeTar([]), /neither index.json .* nor manifest.json/],
    [encodeTar([json('other', {})]), /neither index.json .* nor manifest.json/],
    [encodeTar([{ kind: 'file', name: 'index.json', data: '{' }]), /no JSON/],
    [encodeTar([json('index.json', { manifests: [] })]), /no image in it/],
    [encodeTar([json('index.json', { manifests: {} })]), /not a list/],
    [encodeTar([json('index.json', { manifests: [{ digest: '../../etc/passwd', size: 1 }] })]), /not a digest/],
    [encodeTar([json('index.json', { manifests: [entry] })]), /lacks blobs/],
    [encodeTar([json('index.json', { manifests: [{ ...entry, size: 1 }] }), manifestBlob]), /should have 1/],
    [encodeTar([json('index.json', { manifests: [entry] }), manifestBlob]), /lacks blobs/],
    [encodeTar([json('manifest.json', [{ Config: 'x', Layers: [] }])]), /lacks x/],
    [encodeTar([json('manifest.json', [{ Config: 7, Layers: [] }])]), /Config: not a string/],
    [encodeTar([{ kind: 'symlink', name: 'index.json', target: 'index.json' }]), /lacks index.json/],
  ];
  for (const [archive, message] of cases) {
    await assert.rejects(
      read(t, archive),
      (error: Error) => error instanceof ArchiveError && message.test(error.message),
    );
  }
});

test('whatever byte is damaged, it is refused or read, and nothing else', async (t) => {
  const whole = buildImage(spec);
  for (let at = 0; at < whole.length; at += 37) {
    const damaged = Buffer.from(whole);
    damaged[at] = (damaged[at] ?? 0) ^ 0x55;
    await read(t, damaged).catch((error: unknown) => assert.ok(error instanceof ArchiveError, String(error)));
  }
});
