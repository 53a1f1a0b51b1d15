/** Archives as Docker wrote them before it knew the OCI image layout, and Podman still does: a manifest.json, no digests. */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import {
  type ArchiveBlob,
  type ArchivedImage,
  ArchiveError,
  type BlobSource,
  chunksOf,
  type Descriptor,
  fileIn,
  listOf,
  type Members,
  readJSON,
  recordOf,
  stringOf,
} from './archive-parts.ts';
import type { TarMember } from './tar.ts';

/** The images of an archive, by its manifest.json. */
export async function readDockerArchive(file: FileHandle, members: Members): Promise<readonly ArchivedImage[]> {
  if (!members.has('manifest.json')) {
    throw new ArchiveError('not an archive of images: it has neither index.json (OCI) nor manifest.json (Docker)');
  }
  const images: ArchivedImage[] = [];
  const hashes: Hashes = { file, known: new Map() };
  for (const value of listOf(await readJSON(file, fileIn(members, 'manifest.json')), 'manifest.json')) {
    const { Config, RepoTags, Layers } = recordOf(value, 'manifest.json');
    const config = await hashed(hashes, fileIn(members, stringOf(Config, 'Config')), () => DOCKER_CONFIG);
    const layers: ArchiveBlob[] = [];
    for (const layer of listOf(Layers, 'Layers')) {
      layers.push(await hashed(hashes, fileIn(members, stringOf(layer, 'Layers')), layerType));
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

/** What has been hashed of an archive, by where it begins: layers are often named several times. */
interface Hashes {
  readonly file: FileHandle;
  readonly known: Map<number, ArchiveBlob>;
}

async function hashed(
  { file, known }: Hashes,
  member: TarMember,
  typeOf: (start: Buffer) => string,
): Promise<ArchiveBlob> {
  const before = known.get(member.offset);
  if (before !== undefined) return before;
  const hash = createHash('sha256');
  const source: BlobSource = { kind: 'member', offset: member.offset, size: member.size };
  let start: Buffer | undefined;
  for await (const chunk of chunksOf(file, source)) {
    start ??= chunk;
    hash.update(chunk);
  }
  const mediaType = typeOf(start ?? Buffer.alloc(0));
  const digest = `sha256:${hash.digest('hex')}`;
  const blob: ArchiveBlob = { mediaType, digest, size: member.size, source, children: [] };
  known.set(member.offset, blob);
  return blob;
}
