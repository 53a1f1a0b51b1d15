import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tempDir } from '../../test/support/temp-dir.ts';
import { buildImage } from '../pods/images/build.ts';
import { containerImages, containerImageTable, importContainerImages } from './container-images.ts';
import { UserError } from './errors.ts';

/** Archives of one image, and the place of a socket behind which nobody listens: what is wrong with them is told before. */
function placeOf(t: TestContext) {
  const dir = tempDir(t);
  const put = (name: string, data: Uint8Array | string): string => {
    const path = join(dir, name);
    writeFileSync(path, data);
    return path;
  };
  const endpoint = `unix://${put('socket', '')}`;
  return { dir, put, endpoint, named: put('named.tar', buildImage({ name: 'example.com/web:1', files: [] })) };
}

const importing = (request: Parameters<typeof importContainerImages>[0]): Promise<readonly string[]> =>
  Array.fromAsync(importContainerImages(request));

const told = (message: RegExp, remedy: RegExp) => (error: unknown) =>
  error instanceof UserError && message.test(error.message) && remedy.test(error.remedy ?? '');

test('a file that is no archive, or is not there, is told with what would do', async (t) => {
  const { dir, put, endpoint } = placeOf(t);
  const script = put('script', '#!/bin/sh\n'.repeat(60));
  await assert.rejects(importing({ files: [script], endpoint }), told(/script: not a tar archive/, /docker save/));
  const absent = join(dir, 'absent');
  await assert.rejects(importing({ files: [absent], endpoint }), told(/absent: there is no such file/, /^$/));
  await assert.rejects(importing({ files: [dir], endpoint }), told(/it is a directory/, /^$/));
});

test('an image without a name is told with how to give it one, and a name that is none with what names are', async (t) => {
  const { put, endpoint } = placeOf(t);
  const file = put('unnamed.tar', buildImage({ files: [] }));
  await assert.rejects(
    importing({ files: [file], endpoint }),
    told(/does not say what the image is called/, /postern image import --name NAME:TAG .*unnamed\.tar$/),
  );
  await assert.rejects(
    importing({ files: [file], endpoint, name: 'Web' }),
    told(/cannot be called "Web"/, /example\.com/),
  );
});

test('one name is for one file', async (t) => {
  const { named, endpoint } = placeOf(t);
  await assert.rejects(
    importing({ files: [named, named], endpoint, name: 'web:1' }),
    told(/--name web:1: .*2 files/, /one by one/),
  );
});

test('a runtime that is not there, or does not answer, is told with its socket', async (t) => {
  const { dir, named, endpoint } = placeOf(t);
  await assert.rejects(importing({ files: [named], endpoint }), told(/does not answer at unix:/, /Is it running/));
  await assert.rejects(containerImages(endpoint), told(/does not answer at unix:/, /Is it running/));
  const absent = `unix://${dir}/none`;
  await assert.rejects(containerImages(absent), told(/no container runtime listens at .*none/, /apt-get install/));
  await assert.rejects(containerImages('tcp://10.0.0.1'), told(/unix:\/\/ and the absolute path/, /containerd\.sock/));
});

test('every name of an image has a line', () => {
  const id = `sha256:${'0123456789ab'.repeat(6)}`.slice(0, 71);
  assert.equal(
    containerImageTable([
      { names: ['example.com/web:1', 'example.com/web:2'], id, size: 3 * 2 ** 20 },
      { names: [], id, size: 2 ** 19 },
    ]),
    [
      'IMAGE              ID            SIZE',
      'example.com/web:1  0123456789ab  3.0 MiB',
      'example.com/web:2  0123456789ab  3.0 MiB',
      '<none>             0123456789ab  0.5 MiB',
    ].join('\n'),
  );
});
