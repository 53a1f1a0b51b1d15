/**
 * Archives of images, as `docker save`, `podman save`, umoci, skopeo and `ctr images export` write them: the OCI image layout
 * (opencontainers/image-spec, image-layout.md), or Docker's older form with a manifest.json.
 */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { indexTar, readExactly, TarError, type TarMember } from './tar.ts';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** Bytes that an image is made of: in the archive, or made from what is there. */
export type BlobSource =
  | { readonly kind: 'member'; readonly offset: number; readonly size: number }
  | { readonly kind: 'bytes'; readonly data: Buffer };

export interface ArchiveBlob extends Descriptor {
  readonly source: BlobSource;
  /** What it names in turn, and what must not be removed before it. */
  readonly children: readonly Descriptor[];
}

export interface ArchivedImage {
  /** As in the archive, complete or not; undefined when it has none. */
  readonly name: string | undefined;
  readonly target: Descriptor;
  /** What the target is made of, itself last. */
  readonly blobs: readonly ArchiveBlob[];
}

/** A file that is no archive of images, or not a whole one; or one whose image has no name, or none that it can have. */
export class ArchiveError extends Error {
  readonly kind: 'malformed' | 'unnamed' | 'misnamed';

  constructor(message: string, options: ErrorOptions & { readonly kind?: ArchiveError['kind'] } = {}) {
    super(message, options);
    this.name = 'ArchiveError';
    this.kind = options.kind ?? 'malformed';
  }
}

/** The images in an archive. Layers are not read; who stores them checks their digests. Throws {@link ArchiveError}. */
export async function readArchive(file: FileHandle): Promise<readonly ArchivedImage[]> {
  try {
    if (await isCompressed(file))
      throw new ArchiveError('the archive is compressed: unpack it with gunzip, or zstd -d, first');
    const members = await indexTar(file);
    const images = members.has('index.json') ? await readLayout(file, members) : await readDockerArchive(file, members);
    if (images.length === 0) throw new ArchiveError('the archive has no image in it');
    return images;
  } catch (error) {
    if (error instanceof TarError) throw new ArchiveError(error.message, { cause: error });
    throw error;
  }
}

async function isCompressed(file: FileHandle): Promise<boolean> {
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
  return buffer.readUInt16BE(0) === 0x1f8b || buffer.readUInt32BE(0) === 0x28b52ffd;
}

type Members = ReadonlyMap<string, TarMember>;

// Index, manifests and configs are small; a JSON text of more than that is an attack.
const MAX_JSON_BYTES = 4 * 1024 * 1024;
// An index may name others; images have one level of them.
const MAX_DEPTH = 4;

async function readJSON(file: FileHandle, member: { name: string; offset: number; size: number }): Promise<unknown> {
  if (member.size > MAX_JSON_BYTES) throw new ArchiveError(`${member.name} is larger than ${MAX_JSON_BYTES} bytes`);
  try {
    return JSON.parse((await readExactly(file, member.offset, member.size)).toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new ArchiveError(`${member.name} is no JSON: ${error.message}`, { cause: error });
    throw error;
  }
}

/** The member of a name, links followed. */
function fileIn(members: Members, name: string): TarMember {
  let member = members.get(name);
  for (let hops = 0; member?.kind === 'link' && hops < 8; hops++) member = members.get(member.target ?? '');
  if (member?.kind !== 'file') throw new ArchiveError(`the archive lacks ${name}`);
  return member;
}

// The OCI image layout

const DIGEST = /^sha256:[0-9a-f]{64}$/;

interface IndexEntry extends Descriptor {
  readonly annotations: Readonly<Record<string, unknown>>;
  readonly platform: { readonly os?: unknown; readonly architecture?: unknown } | undefined;
}

async function readLayout(file: FileHandle, members: Members): Promise<readonly ArchivedImage[]> {
  const { manifests } = recordOf(await readJSON(file, fileIn(members, 'index.json')), 'index.json');
  const images: ArchivedImage[] = [];
  for (const entry of ofThisMachine(listOf(manifests, 'index.json: manifests').map(parseEntry))) {
    const blobs = await blobsOf(file, members, entry, 0);
    const { mediaType, digest, size } = entry;
    images.push({ name: nameOf(entry.annotations), target: { mediaType, digest, size }, blobs });
  }
  return images;
}

function parseEntry(value: unknown): IndexEntry {
  const { annotations, platform } = recordOf(value, 'a descriptor');
  return {
    ...parseDescriptor(value),
    annotations: annotations === undefined ? {} : recordOf(annotations, 'annotations'),
    platform: platform === undefined ? undefined : recordOf(platform, 'platform'),
  };
}

function parseDescriptor(value: unknown): Descriptor {
  const { mediaType, digest, size } = recordOf(value, 'a descriptor');
  if (typeof digest !== 'string' || !DIGEST.test(digest))
    throw new ArchiveError(`not a digest: ${JSON.stringify(digest)}`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw new ArchiveError(`${digest} has no size`);
  }
  return { mediaType: typeof mediaType === 'string' ? mediaType : '', digest, size };
}

/** Several images of one name, or of none, are one image for several platforms: what is for others is left out. */
function ofThisMachine(entries: readonly IndexEntry[]): readonly IndexEntry[] {
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const suits = ({ platform }: IndexEntry): boolean =>
    platform === undefined || (platform.os === 'linux' && platform.architecture === architecture);
  const suiting = entries.filter(suits);
  if (entries.length > 0 && suiting.length === 0)
    throw new ArchiveError(`the archive has no image for linux/${architecture}`);
  return suiting;
}

/** What containerd and Docker write, then what the layout's specification names, which is often only a tag. */
function nameOf(annotations: Readonly<Record<string, unknown>>): string | undefined {
  const names = [annotations['io.containerd.image.name'], annotations['org.opencontainers.image.ref.name']];
  return names.find((name): name is string => typeof name === 'string' && /[/:]/.test(name));
}

/** A blob and all that it names, itself last; of what it names for other platforms, only what is there. */
async function blobsOf(
  file: FileHandle,
  members: Members,
  entry: Descriptor,
  depth: number,
): Promise<readonly ArchiveBlob[]> {
  if (depth > MAX_DEPTH) throw new ArchiveError('the indexes of the archive are nested too deeply');
  const path = `blobs/${entry.digest.replace(':', '/')}`;
  const { offset, size } = fileIn(members, path);
  const source: BlobSource = { kind: 'member', offset, size };
  if (size !== entry.size) throw new ArchiveError(`${path} has ${size} bytes, and should have ${entry.size}`);
  if (!/(manifest|index|manifest\.list)(\.v[12])?\+json$/.test(entry.mediaType))
    return [{ ...entry, source, children: [] }];

  const { manifests, config, layers } = recordOf(await readJSON(file, { name: path, offset, size }), path);
  const isIndex = manifests !== undefined;
  const named = isIndex ? listOf(manifests, path) : [config, ...listOf(layers, path)];
  const children = named
    .map(parseDescriptor)
    .filter(({ digest }) => !isIndex || members.has(`blobs/${digest.replace(':', '/')}`));
  if (children.length === 0) throw new ArchiveError(`the archive has nothing of what ${path} names`);
  const below: ArchiveBlob[] = [];
  for (const child of children) below.push(...(await blobsOf(file, members, child, depth + 1)));
  return [...below, { ...entry, source, children }];
}

// Docker's older archives

async function readDockerArchive(file: FileHandle, members: Members): Promise<readonly ArchivedImage[]> {
  if (!members.has('manifest.json')) {
    throw new ArchiveError('not an archive of images: it has neither index.json (OCI) nor manifest.json (Docker)');
  }
  const images: ArchivedImage[] = [];
  for (const value of listOf(await readJSON(file, fileIn(members, 'manifest.json')), 'manifest.json')) {
    const { Config, RepoTags, Layers } = recordOf(value, 'manifest.json');
    const config = await hashed(file, fileIn(members, stringOf(Config, 'Config')), () => DOCKER_CONFIG);
    const layers: ArchiveBlob[] = [];
    for (const layer of listOf(Layers, 'Layers')) {
      layers.push(await hashed(file, fileIn(members, stringOf(layer, 'Layers')), layerType));
    }
    const blobs = [config, ...layers];
    const manifest = manifestOf(config, layers);
    const names = RepoTags === undefined || RepoTags === null ? [] : listOf(RepoTags, 'RepoTags');
    for (const name of names.length === 0 ? [undefined] : names.map((tag) => stringOf(tag, 'RepoTags'))) {
      const { mediaType, digest, size } = manifest;
      images.push({ name, target: { mediaType, digest, size }, blobs: [...blobs, manifest] });
    }
  }
  return images;
}

const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json';
const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
const layerType = (start: Buffer): string =>
  start.length >= 2 && start.readUInt16BE(0) === 0x1f8b
    ? 'application/vnd.docker.image.rootfs.diff.tar.gzip'
    : 'application/vnd.docker.image.rootfs.diff.tar';

/** The manifest that a registry would have: these archives have none. */
function manifestOf(config: ArchiveBlob, layers: readonly ArchiveBlob[]): ArchiveBlob {
  const plain = ({ mediaType, digest, size }: Descriptor): Descriptor => ({ mediaType, digest, size });
  const children = [config, ...layers].map(plain);
  const data = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: DOCKER_MANIFEST, config: children[0], layers: children.slice(1) }),
  );
  const digest = `sha256:${createHash('sha256').update(data).digest('hex')}`;
  return { mediaType: DOCKER_MANIFEST, digest, size: data.length, source: { kind: 'bytes', data }, children };
}

const CHUNK = 1024 * 1024;

/** Parts of a blob, one after the other. */
export async function* chunksOf(file: FileHandle, source: BlobSource): AsyncGenerator<Buffer> {
  if (source.kind === 'bytes') {
    yield source.data;
    return;
  }
  for (let done = 0; done < source.size; done += CHUNK) {
    yield await readExactly(file, source.offset + done, Math.min(CHUNK, source.size - done));
  }
}

async function hashed(file: FileHandle, member: TarMember, typeOf: (start: Buffer) => string): Promise<ArchiveBlob> {
  const hash = createHash('sha256');
  const source: BlobSource = { kind: 'member', offset: member.offset, size: member.size };
  let start: Buffer | undefined;
  for await (const chunk of chunksOf(file, source)) {
    start ??= chunk;
    hash.update(chunk);
  }
  const mediaType = typeOf(start ?? Buffer.alloc(0));
  return { mediaType, digest: `sha256:${hash.digest('hex')}`, size: member.size, source, children: [] };
}

// JSON of strangers

function recordOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ArchiveError(`${what}: not an object`);
  return value as Readonly<Record<string, unknown>>;
}

const MAX_LIST = 1000;

function listOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new ArchiveError(`${what}: not a list`);
  if (value.length > MAX_LIST) throw new ArchiveError(`${what}: more than ${MAX_LIST} entries`);
  return value;
}

function stringOf(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new ArchiveError(`${what}: not a string`);
  return value;
}
