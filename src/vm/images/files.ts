/**
 * Single files out of images, such as a kernel or a disk. Only the asked-for file leaves the archive, under a name made from
 * digests: no name or link inside an image ever becomes a path of this machine.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { ImageError } from './errors.ts';
import { blobPath, type Descriptor, findManifest, listReferences, type Manifest, verifyBlob } from './layout.ts';
import { readTar, type TarEntry } from './tar.ts';

/** Links that are followed inside an image before we call it a loop, as Linux does. */
const LINK_LIMIT = 40;

/**
 * A path on this machine of a regular file of an image; read-only. A `path` that ends in `/` means the only file in that
 * directory. It is unpacked on the first call and kept in the store.
 */
export async function imageFile(imageDir: string, reference: string, path: string): Promise<string> {
  const manifest = await findManifest(imageDir, reference);
  if (manifest === undefined) throw await notFound(imageDir, reference);
  const cached = cachePath(imageDir, manifest, path);
  if (await exists(cached)) return cached;
  for (const layer of manifest.layers) await verifyBlob(imageDir, layer);
  const { layer, entry } = await locate(imageDir, reference, manifest, path);
  await unpack(imageDir, layer, entry.path, cached);
  return cached;
}

async function notFound(imageDir: string, reference: string): Promise<ImageError> {
  const known = await listReferences(imageDir);
  const have = known.length === 0 ? 'the store is empty' : `it has ${known.join(', ')}`;
  const remedy = /(^|\/)demo(:|$)/.test(reference)
    ? 'build it with: postern image build demo'
    : 'add it to the store, an OCI image layout';
  return new ImageError('NotFound', `image ${reference} is not in the image store ${imageDir} (${have}); ${remedy}`);
}

function cachePath(imageDir: string, manifest: Manifest, path: string): string {
  const identity = JSON.stringify([manifest.layers.map((layer) => layer.digest), clean(path), path.endsWith('/')]);
  return join(imageDir, 'files', createHash('sha256').update(identity).digest('hex'));
}

interface Located {
  readonly layer: Descriptor;
  readonly entry: TarEntry;
}

/** Finds a file as an overlay of the layers shows it: the topmost layer wins, links are followed inside the image. */
async function locate(imageDir: string, reference: string, manifest: Manifest, path: string): Promise<Located> {
  const tree = await readTree(imageDir, manifest);
  let wanted = path.endsWith('/') ? onlyFileIn(tree, clean(path), reference) : clean(path);
  for (let links = 0; links < LINK_LIMIT; links++) {
    const found = tree.get(wanted);
    if (found === undefined) break;
    if (found.entry.kind === 'file') return found;
    if (found.entry.kind === 'hardlink') wanted = clean(found.entry.target);
    else if (found.entry.kind === 'symlink')
      wanted = clean(posix.resolve('/', posix.dirname(wanted), found.entry.target));
    else break;
  }
  throw new ImageError('NotFound', `image ${reference} has no file ${path}`);
}

function onlyFileIn(tree: ReadonlyMap<string, Located>, directory: string, reference: string): string {
  const files = [...tree].filter(([path, { entry }]) => posix.dirname(path) === directory && entry.kind === 'file');
  const [first] = files;
  if (first === undefined || files.length > 1) {
    throw new ImageError(
      'NotFound',
      `image ${reference} has ${files.length} files in /${directory}, where one is expected`,
    );
  }
  return first[0];
}

/** What the layers show together, whiteouts applied. https://github.com/opencontainers/image-spec/blob/v1.1.0/layer.md */
async function readTree(imageDir: string, manifest: Manifest): Promise<ReadonlyMap<string, Located>> {
  const tree = new Map<string, Located>();
  const removeBelow = (directory: string) => {
    for (const path of tree.keys()) if (path.startsWith(`${directory}/`)) tree.delete(path);
  };
  for (const layer of manifest.layers) {
    await readTar(openLayer(imageDir, layer), async (entry) => {
      const path = clean(entry.path);
      const name = posix.basename(path);
      if (name === '.wh..wh..opq') removeBelow(posix.dirname(path));
      else if (name.startsWith('.wh.')) {
        const hidden = posix.join(posix.dirname(path), name.slice('.wh.'.length));
        tree.delete(hidden);
        removeBelow(hidden);
      } else tree.set(path, { layer, entry });
      return 'continue';
    });
  }
  return tree;
}

async function unpack(imageDir: string, layer: Descriptor, name: string, to: string): Promise<void> {
  await mkdir(join(imageDir, 'files'), { recursive: true });
  const temporary = `${to}.${process.pid}.tmp`;
  try {
    await readTar(openLayer(imageDir, layer), async (entry, content) => {
      if (entry.path !== name || entry.kind !== 'file') return 'continue';
      await pipeline(content, createWriteStream(temporary, { mode: 0o444 }));
      return 'stop';
    });
    await rename(temporary, to);
  } finally {
    await rm(temporary, { force: true });
  }
}

function openLayer(imageDir: string, layer: Descriptor): AsyncIterable<Uint8Array> {
  const raw = createReadStream(blobPath(imageDir, layer.digest), { highWaterMark: 1024 * 1024 });
  if (/\.tar$/.test(layer.mediaType)) return raw;
  if (/[.+]gzip$/.test(layer.mediaType)) return decompress(raw, createGunzip());
  if (/\+zstd$/.test(layer.mediaType)) return decompress(raw, createZstdDecompress());
  throw new ImageError('Unsupported', `layer ${layer.digest} has the unknown media type ${layer.mediaType}`);
}

function decompress(raw: Readable, through: NodeJS.ReadWriteStream): AsyncIterable<Uint8Array> {
  raw.once('error', (error) => Readable.prototype.destroy.call(through, error));
  return raw.pipe(through) as unknown as AsyncIterable<Uint8Array>;
}

/** A path of an archive without `./`, `..` and leading slashes. */
function clean(path: string): string {
  return posix.resolve('/', path).slice(1);
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
