/** Puts images from archives into containerd, where pods find them: the runtime interface has no call for it. */
import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Connection, Service } from '../cri/connection.ts';
import { CRIError } from '../cri/cri.ts';
import { readArchive } from './archive.ts';
import { type ArchiveBlob, type ArchivedImage, ArchiveError, chunksOf } from './archive-parts.ts';
import { parseReference } from './reference.ts';

export interface ImportOptions {
  readonly connection: Connection;
  /** Path of an archive. */
  readonly file: string;
  /** What the image is called, for archives that do not say or say something else; they must have one image. */
  readonly name?: string;
}

/** The namespace of containerd in which its plugin for the runtime interface keeps everything. */
const HEADERS = { 'containerd-namespace': 'k8s.io' };
// Content that an import which was killed leaves behind is removed after that.
const LEASE_HOURS = 1;

/** Imports every image of an archive and returns their names. Throws {@link ArchiveError}, or CRIError of containerd. */
export async function importImages({ connection, file, name }: ImportOptions): Promise<readonly string[]> {
  const handle = await open(file);
  try {
    const images = named(await readArchive(handle), name);
    const [leases, content, store] = await Promise.all([
      connection.service('leases.proto', 'containerd.services.leases.v1.Leases'),
      connection.service('content.proto', 'containerd.services.content.v1.Content'),
      connection.service('images.proto', 'containerd.services.images.v1.Images'),
    ]);
    const lease = `postern-import-${randomUUID()}`;
    const expires = new Date(Date.now() + LEASE_HOURS * 3_600_000).toISOString();
    await leases.call('Create', { id: lease, labels: { 'containerd.io/gc.expire': expires } }, { headers: HEADERS });
    const headers = { ...HEADERS, 'containerd-lease': lease };
    try {
      for (const image of images) {
        for (const blob of image.blobs) await write(content, headers, blob, (source) => chunksOf(handle, source));
        await put(store, headers, image);
      }
    } finally {
      await leases.call('Delete', { id: lease }, { headers: HEADERS });
    }
    return images.map((image) => image.name);
  } finally {
    await handle.close();
  }
}

interface NamedImage extends ArchivedImage {
  readonly name: string;
}

/** The images by the names that containerd is to know them by. */
function named(images: readonly ArchivedImage[], name: string | undefined): readonly NamedImage[] {
  if (name !== undefined && new Set(images.map(({ target }) => target.digest)).size > 1) {
    throw new ArchiveError(`a name was given, and the archive has ${images.length} images`);
  }
  return (name === undefined ? images : images.slice(0, 1)).map((image) => {
    const chosen = name ?? image.name;
    if (chosen === undefined)
      throw new ArchiveError('the archive does not say what the image is called', { kind: 'unnamed' });
    const reference = parseReference(chosen);
    if (reference.kind === 'invalid') {
      throw new ArchiveError(`an image cannot be called ${JSON.stringify(chosen)}: ${reference.why}`, {
        kind: 'misnamed',
      });
    }
    return { ...image, name: reference.name };
  });
}

type Headers = Readonly<Record<string, string>>;

async function write(
  content: Service,
  headers: Headers,
  { digest, size, source, children }: ArchiveBlob,
  chunks: (source: ArchiveBlob['source']) => AsyncIterable<Buffer>,
): Promise<void> {
  const ref = `postern-import-${digest}-${randomUUID()}`;
  // By these containerd's collector of garbage knows what belongs together.
  const labels = Object.fromEntries(children.map((child, i) => [`containerd.io/gc.ref.content.${i}`, child.digest]));
  const requests = async function* () {
    let offset = 0;
    yield { action: 'WRITE', ref, total: size, expected: digest, offset };
    for await (const data of chunks(source)) {
      yield { action: 'WRITE', ref, offset, data };
      offset += data.length;
    }
    yield { action: 'COMMIT', ref, total: size, expected: digest, offset, labels };
  };
  try {
    await content.send('Write', requests(), { headers, timeout: Number.POSITIVE_INFINITY });
  } catch (error) {
    // It is there already, from another image.
    if (!(error instanceof CRIError) || error.code !== 'already-exists') throw error;
  }
}

async function put(store: Service, headers: Headers, { name, target }: NamedImage): Promise<void> {
  const request = { image: { name, target } };
  try {
    await store.call('Create', request, { headers });
  } catch (error) {
    if (!(error instanceof CRIError) || error.code !== 'already-exists') throw error;
    await store.call('Update', request, { headers });
  }
}
