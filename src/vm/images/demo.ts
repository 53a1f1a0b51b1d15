/**
 * Builds the image of the demo guest from the distribution's own packages: its cloud kernel and busybox. Packages are
 * downloaded and unpacked, never installed, so an ordinary user can do it.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError, type RunCommand, runCommand } from '../../host/process.ts';
import { encodeTar } from '../../lib/tar/write.ts';
import { encodeCpio } from './cpio.ts';
import { guestScripts, initramfsEntries } from './demo/initramfs.ts';
import { ImageError } from './errors.ts';
import { findManifest, type Manifest, MEDIA_TYPES, putBlob, setReference } from './layout.ts';

/** Name of the image, and where the kernel and the initial RAM disk are in it. */
const DEMO_IMAGE = 'postern.dev/demo:latest';
const DEMO_KERNEL = '/boot/vmlinuz';
const DEMO_INITRD = '/boot/initrd';

/** Annotation that says what an image was built from, so that it is built again only when that changed. */
const INPUTS = 'dev.postern.image.inputs';
const KERNEL_PACKAGES: Readonly<Record<string, string>> = {
  x64: 'linux-image-cloud-amd64',
  arm64: 'linux-image-cloud-arm64',
};

export interface DemoImageOptions {
  /** The image store. */
  readonly imageDir: string;
  /** Where downloaded packages are unpacked; emptied afterwards. */
  readonly cacheDir: string;
  /** Told what is being done, for people. */
  readonly progress?: (step: string) => void;
  /** Build even when the image is up to date, such as for a newer kernel. */
  readonly force?: boolean;
  readonly run?: RunCommand;
}

export interface DemoImage {
  readonly name: string;
  /** Whether it was there already, built from the same. */
  readonly upToDate: boolean;
}

/** Makes the image, unless it is there and built from the same. */
export async function buildDemoImage(options: DemoImageOptions): Promise<DemoImage> {
  const inputs = await describeInputs();
  const present = await findManifest(options.imageDir, DEMO_IMAGE);
  if (present?.annotations?.[INPUTS] === inputs && options.force !== true) return { name: DEMO_IMAGE, upToDate: true };
  const progress = options.progress ?? (() => {});
  await mkdir(options.cacheDir, { recursive: true });
  const work = await mkdtemp(join(options.cacheDir, 'demo-'));
  try {
    const roots = await fetchPackages(work, options.run ?? runCommand, progress);
    progress('writing the image');
    await writeImage(options.imageDir, inputs, {
      kernel: await readKernel(roots.kernelRoot),
      initrd: encodeCpio(await initramfsEntries(roots)),
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return { name: DEMO_IMAGE, upToDate: false };
}

/** Everything of ours that goes into the image; the packages are whatever the distribution has when it is built. */
async function describeInputs(): Promise<string> {
  const hash = createHash('sha256').update(kernelPackage());
  for (const [name, data] of await guestScripts()) hash.update(`${name}\0${data.length}\0`).update(data);
  hash.update(await readFile(join(import.meta.dirname, 'demo', 'initramfs.ts')));
  return hash.digest('hex');
}

function kernelPackage(): string {
  const name = KERNEL_PACKAGES[process.arch];
  if (name !== undefined) return name;
  throw new ImageError(
    'CannotBuild',
    `there is no demo guest for the processor ${process.arch}, only for x64 and arm64`,
  );
}

interface PackageRoots {
  readonly kernelRoot: string;
  readonly busyboxRoot: string;
}

async function fetchPackages(work: string, run: RunCommand, progress: (step: string) => void): Promise<PackageRoots> {
  const kernel = await resolveMetapackage(kernelPackage(), run);
  const fetch = async (name: string): Promise<string> => {
    const directory = join(work, name);
    await mkdir(directory);
    progress(`downloading the package ${name}`);
    await explain(run(['apt-get', '-qq', 'download', name], { cwd: directory, timeout: 300_000 }));
    const file = (await readdir(directory)).find((entry) => entry.endsWith('.deb'));
    if (file === undefined) throw new ImageError('CannotBuild', `apt-get download ${name} left no package`);
    progress(`unpacking ${name}`);
    await explain(run(['dpkg-deb', '-x', join(directory, file), join(directory, 'root')], { timeout: 120_000 }));
    return join(directory, 'root');
  };
  return { busyboxRoot: await fetch('busybox-static'), kernelRoot: await fetch(kernel) };
}

/** The kernel's package changes its name with each version; the metapackage depends on the newest. */
async function resolveMetapackage(name: string, run: RunCommand): Promise<string> {
  const { stdout } = await explain(run(['apt-cache', 'depends', '--important', name]));
  const match = /Depends: (linux-image-\S+)/.exec(stdout);
  if (match?.[1] === undefined)
    throw new ImageError('CannotBuild', `apt-cache knows no kernel behind ${name}; run: apt-get update`);
  return match[1];
}

async function explain<T>(running: Promise<T>): Promise<T> {
  try {
    return await running;
  } catch (cause) {
    if (!(cause instanceof CommandError)) throw cause;
    const remedy =
      cause.code === undefined
        ? 'the demo guest is made from Debian packages and needs apt-get and dpkg-deb'
        : 'look at the package sources, then run: apt-get update';
    throw new ImageError('CannotBuild', `${cause.message} (${remedy})`, { cause });
  }
}

async function readKernel(root: string): Promise<Buffer> {
  const name = (await readdir(join(root, 'boot'))).find((file) => file.startsWith('vmlinuz'));
  if (name === undefined) throw new ImageError('CannotBuild', 'the kernel package has no boot/vmlinuz');
  return await readFile(join(root, 'boot', name));
}

async function writeImage(
  imageDir: string,
  inputs: string,
  files: { readonly kernel: Buffer; readonly initrd: Buffer },
): Promise<void> {
  const layerBytes = encodeTar([
    { kind: 'directory', name: 'boot' },
    { kind: 'file', name: DEMO_KERNEL.slice(1), data: files.kernel },
    { kind: 'file', name: DEMO_INITRD.slice(1), data: files.initrd },
  ]);
  const layer = await putBlob(imageDir, MEDIA_TYPES.layer, layerBytes);
  const configuration = {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    // The layer is not compressed, so its digest is that of its content too.
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
  };
  const config = await putBlob(imageDir, MEDIA_TYPES.config, Buffer.from(JSON.stringify(configuration)));
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config,
    layers: [layer],
    annotations: { [INPUTS]: inputs },
  };
  const stored = await putBlob(imageDir, MEDIA_TYPES.manifest, Buffer.from(JSON.stringify(manifest)));
  await setReference(imageDir, DEMO_IMAGE, stored);
}
