/** The OCI image layout, as Docker, Podman, skopeo, umoci and containerd write it: opencontainers/image-spec, image-layout.md. */
import type { FileHandle } from 'node:fs/promises';
import {
  type ArchiveBlob,
  type ArchivedImage,
  ArchiveError,
  type BlobSource,
  type Descriptor,
  fileIn,
  listOf,
  type Members,
  readJSON,
  recordOf,
} from './archive-parts.ts';

const DIGEST = /^sha256:[0-9a-f]{64}$/;

interface IndexEntry extends Descriptor {
  readonly annotations: Readonly<Record<string, unknown>>;
  readonly platform: { readonly os?: unknown; readonly architecture?: unknown } | undefined;
}

/** The images of a layout, by its index.json. */
export async function readLayout(file: FileHandle, members: Members): Promise<readonly ArchivedImage[]> {
  const { manifests } = recordOf(await readJSON(file, fileIn(members, 'index.json')), 'index.json');
  const images: ArchivedImage[] = [];
  for (const entry of ofThisMachine(listOf(manifests, 'index.json: manifests').map(parseEntry))) {
    const blobs = await blobsOf({ file, members, seen: new Set() }, entry, 0);
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

// An index may name others; images have one level of them.
const MAX_DEPTH = 4;

interface Walk {
  readonly file: FileHandle;
  readonly members: Members;
  /** Digests of what has been walked to: what is named twice is there once, however often it is named. */
  readonly seen: Set<string>;
}

const pathOf = (digest: string): string => `blobs/${digest.replace(':', '/')}`;

/** A blob and all that it names, itself last; of what it names for other platforms, only what is there. */
async function blobsOf(walk: Walk, entry: Descriptor, depth: number): Promise<readonly ArchiveBlob[]> {
  const { file, members, seen } = walk;
  if (depth > MAX_DEPTH) throw new ArchiveError('the indexes of the archive are nested too deeply');
  if (seen.has(entry.digest)) return [];
  seen.add(entry.digest);
  const path = pathOf(entry.digest);
  const { offset, size } = fileIn(members, path);
  const source: BlobSource = { kind: 'member', offset, size };
  if (size !== entry.size) throw new ArchiveError(`${path} has ${size} bytes, and should have ${entry.size}`);
  if (!/(manifest|index|manifest\.list)(\.v[12])?\+json$/.test(entry.mediaType))
    return [{ ...entry, source, children: [] }];

  const { manifests, config, layers } = recordOf(await readJSON(file, { name: path, offset, size }), path);
  const isIndex = manifests !== undefined;
  const named = isIndex ? listOf(manifests, path) : [config, ...listOf(layers, path)];
  const children = named.map(parseDescriptor).filter(({ digest }) => !isIndex || members.has(pathOf(digest)));
  if (children.length === 0) throw new ArchiveError(`the archive has nothing of what ${path} names`);
  const below: ArchiveBlob[] = [];
  for (const child of children) below.push(...(await blobsOf(walk, child, depth + 1)));
  return [...below, { ...entry, source, children }];
}
