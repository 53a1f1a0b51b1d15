/** Builds images of one layer, as archives in the OCI image layout (opencontainers/image-spec, image-layout.md). */
import { createHash } from 'node:crypto';
import { encodeTar, type TarEntry } from '../../lib/tar/write.ts';

/** An image of one layer, as it is to be built. */
export interface ImageSpec {
  /** `postern.dev/busybox:1`; undefined: the archive names no image. */
  readonly name?: string;
  readonly files: readonly TarEntry[];
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  /** `NAME=VALUE`. */
  readonly env?: readonly string[];
  /** A name, a number, or `UID:GID`. */
  readonly user?: string;
  readonly workingDir?: string;
  readonly stopSignal?: string;
}

/** Bytes of an image, and their digest. */
export interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly data: Buffer;
}

/** What an image is made of. */
export interface BuiltImage {
  readonly manifest: Blob;
  readonly config: Blob;
  readonly layer: Blob;
}

const blob = (mediaType: string, data: Buffer | object): Blob => {
  const bytes = Buffer.isBuffer(data) ? data : Buffer.from(JSON.stringify(data));
  return { mediaType, data: bytes, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` };
};
const descriptor = ({ mediaType, digest, data }: Blob) => ({ mediaType, digest, size: data.length });

/** The parts of an image: what a registry serves. */
export function buildParts(spec: ImageSpec): BuiltImage {
  const layer = blob('application/vnd.oci.image.layer.v1.tar', encodeTar(spec.files));
  const config = blob('application/vnd.oci.image.config.v1+json', {
    architecture: process.arch === 'x64' ? 'amd64' : 'arm64',
    os: 'linux',
    config: {
      Entrypoint: spec.entrypoint,
      Cmd: spec.cmd,
      Env: spec.env ?? ['PATH=/bin'],
      User: spec.user,
      WorkingDir: spec.workingDir,
      StopSignal: spec.stopSignal,
    },
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
  });
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const layers = [descriptor(layer)];
  return {
    layer,
    config,
    manifest: blob(mediaType, { schemaVersion: 2, mediaType, config: descriptor(config), layers }),
  };
}

/** An archive of the image in the OCI layout. Takes a few milliseconds. */
export function buildImage(spec: ImageSpec): Buffer {
  const { manifest, config, layer } = buildParts(spec);
  const annotations = spec.name === undefined ? {} : { 'io.containerd.image.name': spec.name };
  const index = { schemaVersion: 2, manifests: [{ ...descriptor(manifest), annotations }] };
  const file = (name: string, data: Buffer | string): TarEntry => ({ kind: 'file', name, data });
  return encodeTar([
    file('oci-layout', '{"imageLayoutVersion":"1.0.0"}'),
    file('index.json', JSON.stringify(index)),
    ...[manifest, config, layer].map(({ digest, data }) => file(`blobs/${digest.replace(':', '/')}`, data)),
  ]);
}
