/**
 * Files that change all at once. The volume's entries are links into `..data`, which is a link to a folder with one state of all
 * files, and is replaced by renaming: whoever opens files after the change sees all of the new ones. Programs watch `..data` for
 * changes, as Kubernetes lays volumes out in this way.
 */
import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf } from '../../lib/errors.ts';
import type { VolumeFiles } from './files.ts';

const DATA = '..data';
const NEW_DATA = '..data_tmp';

/** What the pod's group may: read, and enter folders. New files have the group of their folder. */
const GROUP_READS = 0o440;
const GROUP_ENTERS = 0o2550;

/**
 * Makes the folder `dir` hold these files and nothing else; false when it does already. `gid`: the group that may read all. Safe
 * to be cut off at any point: the next call tidies up.
 */
export async function writeAtomically(dir: string, files: VolumeFiles, gid: number | undefined): Promise<boolean> {
  const current = await currentState(dir);
  if (current !== undefined && (await holds(join(dir, current), files, gid))) {
    await tidy(dir, files, current);
    return false;
  }
  const next = stateName(new Date());
  try {
    await writeState(join(dir, next), files, gid);
  } catch (error) {
    // On a full disk each further try would take more of it.
    await rm(join(dir, next), { recursive: true, force: true });
    throw error;
  }
  await rm(join(dir, NEW_DATA), { force: true });
  await symlink(next, join(dir, NEW_DATA));
  await rename(join(dir, NEW_DATA), join(dir, DATA));
  await tidy(dir, files, next);
  return true;
}

/** Whether files were ever written there. */
export async function holdsFiles(dir: string): Promise<boolean> {
  return (await currentState(dir)) !== undefined;
}

/** The first parts of all paths: the volume's own entries. */
function entriesOf(files: VolumeFiles): ReadonlySet<string> {
  return new Set([...files.keys()].map((path) => path.split('/')[0] ?? path));
}

/** Links what is missing, and removes what is neither wanted nor of the current state. */
async function tidy(dir: string, files: VolumeFiles, state: string): Promise<void> {
  const wanted = entriesOf(files);
  const found = new Set(await readdir(dir));
  for (const name of wanted) if (!found.has(name)) await symlink(join(DATA, name), join(dir, name));
  for (const name of found) {
    if (name !== DATA && name !== state && !wanted.has(name))
      await rm(join(dir, name), { recursive: true, force: true });
  }
}

async function currentState(dir: string): Promise<string | undefined> {
  try {
    return await readlink(join(dir, DATA));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether the state has these files and no others, as they are to be. */
async function holds(state: string, files: VolumeFiles, gid: number | undefined): Promise<boolean> {
  const found = await readdir(state, { recursive: true, withFileTypes: true }).catch(() => undefined);
  const names = found?.filter((entry) => !entry.isDirectory());
  if (names?.length !== files.size) return false;
  for (const [path, file] of files) {
    const whole = join(state, path);
    const stat = await lstat(whole).catch(() => undefined); // One that is not there is not as it is to be.
    if (!stat?.isFile() || stat.size !== file.content.length) return false;
    if ((stat.mode & 0o7777) !== modeOf(file.mode, gid) || stat.uid !== (file.uid ?? stat.uid)) return false;
    if (gid !== undefined && stat.gid !== gid) return false;
    if (!(await readFile(whole)).equals(file.content)) return false;
  }
  return true;
}

function modeOf(mode: number, gid: number | undefined): number {
  return gid === undefined ? mode : mode | GROUP_READS;
}

async function writeState(state: string, files: VolumeFiles, gid: number | undefined): Promise<void> {
  await makeFolder(state, gid);
  const folders = new Set<string>();
  for (const [path, { content, mode, uid }] of files) {
    for (const folder of foldersOf(path)) {
      if (folders.has(folder)) continue;
      await makeFolder(join(state, folder), gid);
      folders.add(folder);
    }
    const whole = join(state, path);
    await writeFile(whole, content, { flag: 'wx', mode: 0o600 });
    if (uid !== undefined || gid !== undefined) await chown(whole, uid ?? 0, gid ?? 0);
    await chmod(whole, modeOf(mode, gid)); // The umask has no say in it; and chown would have cleared some bits.
  }
}

async function makeFolder(path: string, gid: number | undefined): Promise<void> {
  await mkdir(path, { mode: 0o700 });
  if (gid !== undefined) await chown(path, 0, gid);
  await chmod(path, gid === undefined ? 0o755 : 0o755 | GROUP_ENTERS);
}

/** `a`, `a/b` for `a/b/c`. */
function foldersOf(path: string): readonly string[] {
  const folder = dirname(path);
  return folder === '.' ? [] : [...foldersOf(folder), folder];
}

/** `..2026_11_22_10_28_16.0123456789`: not the name of any file, as those never begin with two dots. */
function stateName(now: Date): string {
  const digits = now.toISOString().slice(0, 19).replace(/[-T:]/g, '_');
  return `..${digits}.${randomBytes(5).toString('hex')}`;
}
