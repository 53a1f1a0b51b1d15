/**
 * Archives of images, as `docker save`, `podman save`, umoci, skopeo and `ctr images export` write them: the OCI image layout
 * (opencontainers/image-spec, image-layout.md), or Docker's older form with a manifest.json.
 */
import type { FileHandle } from 'node:fs/promises';
import { TarError } from '../../lib/tar/header.ts';
import { type ArchivedImage, ArchiveError } from './archive-parts.ts';
import { readDockerArchive } from './docker-archive.ts';
import { readLayout } from './oci-layout.ts';
import { indexTar } from './tar.ts';

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
