/**
 * The local image store: a directory in the OCI image layout, where images are found by name.
 * https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../lib/errors.ts';
import { ImageError } from './errors.ts';

export const MEDIA_TYPES = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
} as const;

/** Annotation of an index entry that holds the image's name. */
const REF_NAME = 'org.opencontainers.image.ref.name';
/** Largest index, manifest or configuration that is read. */
const DOCUMENT_LIMIT = 4 * 1024 * 1024;

export interface Descriptor {
  readonly mediaType: string;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: { readonly architecture: string; readonly os: string };
}

export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Index {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly manifests: readonly Descriptor[];
}

/** `postern.dev/demo` means `postern.dev/demo:latest`; a reference with a tag or digest is left as it is. */
function normalizeReference(reference: string): string {
  const last = reference.slice(reference.lastIndexOf('/') + 1);
  return last.includes(':') || last.includes('@') ? reference : `${reference}:latest`;
}

/** Where a blob of the layout is. Throws unless the digest is a well-formed SHA-256, so no digest can name another path. */
export function blobPath(imageDir: string, digest: string): string {
  const match = /^sha256:([0-9a-f]{64})$/.exec(digest);
  if (match?.[1] === undefined)
    throw new ImageError('Unsupported', `digest ${JSON.stringify(digest)} is not a sha256 digest`);
  return join(imageDir, 'blobs', 'sha256', match[1]);
}

/** The manifest that a name stands for; undefined when the store has no such image. */
export async function findManifest(imageDir: string, reference: string): Promise<Manifest | undefined> {
  const wanted = normalizeReference(reference);
  const index = await readIndex(imageDir);
  const found = index.manifests.find((entry) => entry.annotations?.[REF_NAME] === wanted);
  return found === undefined ? undefined : await readManifest(imageDir, found);
}

/** The names of the images in the store. */
export async function listReferences(imageDir: string): Promise<readonly string[]> {
  const index = await readIndex(imageDir);
  return index.manifests.flatMap((entry) => entry.annotations?.[REF_NAME] ?? []);
}

/** Throws {@link ImageError} unless the blob is there and has the size and digest that its descriptor says. */
export async function verifyBlob(imageDir: string, descriptor: Descriptor): Promise<void> {
  const path = blobPath(imageDir, descriptor.digest);
  const { size } = await stat(path).catch((cause: unknown) => {
    throw new ImageError('Corrupt', `blob ${descriptor.digest} is missing`, { cause });
  });
  if (size !== descriptor.size)
    throw new ImageError('Corrupt', `blob ${descriptor.digest} has ${size} bytes, not ${descriptor.size}`);
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  const digest = `sha256:${hash.digest('hex')}`;
  if (digest !== descriptor.digest)
    throw new ImageError('Corrupt', `blob ${descriptor.digest} has the content of ${digest}`);
}

/** Stores bytes under their digest. */
export async function putBlob(imageDir: string, mediaType: string, bytes: Uint8Array): Promise<Descriptor> {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  await mkdir(join(imageDir, 'blobs', 'sha256'), { recursive: true });
  await writeAtomically(blobPath(imageDir, digest), bytes);
  return { mediaType, digest, size: bytes.byteLength };
}

/** Makes a name stand for a manifest, in place of what it stood for. */
export async function setReference(imageDir: string, reference: string, manifest: Descriptor): Promise<void> {
  const name = normalizeReference(reference);
  const index = await readIndex(imageDir);
  const others = index.manifests.filter((entry) => entry.annotations?.[REF_NAME] !== name);
  const entry = { ...manifest, annotations: { ...manifest.annotations, [REF_NAME]: name } };
  const next: Index = { schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: [...others, entry] };
  await writeAtomically(join(imageDir, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  await writeAtomically(join(imageDir, 'index.json'), JSON.stringify(next));
}

async function readIndex(imageDir: string): Promise<Index> {
  try {
    return parseDocument<Index>(await readFile(join(imageDir, 'index.json')), 'index.json', ['manifests']);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { schemaVersion: 2, manifests: [] };
    throw error;
  }
}

/** Follows an index of several platforms to the one of this machine, once. */
async function readManifest(imageDir: string, descriptor: Descriptor): Promise<Manifest> {
  const bytes = await readDocument(imageDir, descriptor);
  if (descriptor.mediaType !== MEDIA_TYPES.index) {
    return parseDocument<Manifest>(bytes, descriptor.digest, ['config', 'layers']);
  }
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const { manifests } = parseDocument<Index>(bytes, descriptor.digest, ['manifests']);
  const own = manifests.find((entry) => entry.platform?.architecture === architecture);
  if (own === undefined) throw new ImageError('NotFound', `the image has no variant for ${architecture}`);
  return parseDocument<Manifest>(await readDocument(imageDir, own), own.digest, ['config', 'layers']);
}

async function readDocument(imageDir: string, descriptor: Descriptor): Promise<Buffer> {
  if (descriptor.size > DOCUMENT_LIMIT)
    throw new ImageError('Corrupt', `${descriptor.digest} is too large for a manifest`);
  await verifyBlob(imageDir, descriptor);
  return await readFile(blobPath(imageDir, descriptor.digest));
}

function parseDocument<T>(bytes: Buffer, what: string, fields: readonly (keyof T & string)[]): T {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new ImageError('Corrupt', `${what} is not JSON`, { cause });
  }
  const missing = fields.find((field) => typeof value !== 'object' || value === null || !(field in value));
  if (missing !== undefined) throw new ImageError('Corrupt', `${what} has no ${missing}`);
  return value as T;
}

async function writeAtomically(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, content);
  await rename(temporary, path);
}
