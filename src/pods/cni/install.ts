/** Puts our plugin where a container runtime finds it, and takes it away again. What others have put there stays as it is. */
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf } from '../../lib/errors.ts';
import type { CNIDirectories } from './directories.ts';
import {
  CONFIGURATION,
  configurationText,
  LOOPBACK,
  LOOPBACK_TEXT,
  MARK,
  PROGRAM,
  pluginText,
  programText,
} from './programs.ts';

/** In the part's folder: which files it has put elsewhere. */
const RECORD = 'installed.json';
const PLUGIN = 'plugin.cjs';

export interface Installation extends CNIDirectories {
  /** The part's own folder. */
  readonly stateDir: string;
  readonly socketPath: string;
}

/**
 * Puts in place what is missing or different. Programs come before the configuration that names them, and the record before
 * everything, so that whatever is there after a crash is found by {@link uninstall}.
 */
export async function install(installation: Installation): Promise<void> {
  const { binDir, confDir, stateDir, socketPath } = installation;
  const pluginPath = join(stateDir, PLUGIN);
  const files = {
    program: join(binDir, PROGRAM),
    conf: join(confDir, CONFIGURATION),
    loopback: join(binDir, LOOPBACK),
  };
  for (const dir of [binDir, confDir]) await mkdir(dir, { recursive: true, mode: 0o755 });
  // The runtime may look elsewhere than it did.
  const wanted = Object.values(files);
  await removeOurs((await recorded(stateDir)).filter((file) => !wanted.includes(file)));
  await put(join(stateDir, RECORD), `${JSON.stringify(wanted)}\n`, 0o600);
  await put(pluginPath, pluginText(socketPath), 0o600);
  await put(files.program, programText(process.execPath, pluginPath), 0o700);
  if ((await owner(files.loopback)) !== 'others') await put(files.loopback, LOOPBACK_TEXT, 0o700);
  await put(files.conf, configurationText(), 0o600);
}

/** Removes what {@link install} put there, also that of an earlier run. Does nothing when there is nothing. */
export async function uninstall(stateDir: string): Promise<void> {
  await removeOurs(await recorded(stateDir));
  for (const file of [PLUGIN, RECORD]) await rm(join(stateDir, file), { force: true });
}

async function removeOurs(files: readonly string[]): Promise<void> {
  // The configuration first: a runtime must not find one whose program is gone.
  const confFirst = files.toSorted((a, b) => Number(b.endsWith(CONFIGURATION)) - Number(a.endsWith(CONFIGURATION)));
  for (const file of confFirst) if ((await owner(file)) === 'us') await rm(file, { force: true });
}

/** Files that an earlier run has put somewhere; none when it has written no record, or died while it did. */
async function recorded(stateDir: string): Promise<readonly string[]> {
  const record = await textOf(join(stateDir, RECORD));
  try {
    return record === undefined ? [] : (JSON.parse(record) as readonly string[]);
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

/** The configuration that a runtime takes: the first by name, of those that it reads (libcni). Undefined: none. */
export async function firstConfiguration(confDir: string): Promise<string | undefined> {
  const names = (await readdir(confDir)).filter((name) => /\.(conf|conflist|json)$/.test(name));
  return names.sort()[0];
}

/** What is ours is short, and says so at its beginning. */
const BEGINNING = 1024;

async function owner(path: string): Promise<'nobody' | 'us' | 'others'> {
  let file: FileHandle;
  try {
    file = await open(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'nobody';
    throw error;
  }
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(BEGINNING), 0, BEGINNING, 0);
    return buffer.subarray(0, bytesRead).includes(MARK) ? 'us' : 'others';
  } finally {
    await file.close();
  }
}

/** In one step, as runtimes look at any moment; and only when it differs, as they read everything anew then. */
async function put(file: string, text: string, mode: number): Promise<void> {
  if ((await textOf(file)) === text) return;
  const temporary = join(dirname(file), `.postern-${process.pid}.tmp`);
  try {
    await writeFile(temporary, text, { mode });
    await rename(temporary, file);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new Error(`cannot write ${file}, which the container runtime needs for the pod network`, { cause });
  }
}

/** Undefined when there is no such file. */
async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
