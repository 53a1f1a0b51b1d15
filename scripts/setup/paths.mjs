/** Where things are in this checkout, and how programs are found. */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout's root, whatever the current directory. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What can be thrown away and made again; not in git. */
export const CACHE = join(ROOT, '.cache');
/** Programs brought by the set-up because the system has none of its own. */
export const TOOLS = join(CACHE, 'tools');

/** Logs of the set-up's steps: the user's own where the checkout is somebody else's. */
export const LOGS = isWritable(existsSync(CACHE) ? CACHE : ROOT)
  ? join(CACHE, 'logs')
  : join(userCache(), 'postern', 'logs');

const BIN = join(ROOT, 'node_modules', '.bin');
/** Debian keeps administrators' programs here, and an ordinary user's PATH does not list them. */
const ADMIN_PATHS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The first executable file of this name, which may be a path; undefined when there is none. Runs nothing. */
export function findProgram(name) {
  if (name.includes('/')) return isProgram(name) ? name : undefined;
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/bin', ...ADMIN_PATHS];
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isProgram);
}

function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(error.code)) return false;
    throw error;
  }
}

function isWritable(path) {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch (error) {
    if (['EACCES', 'EROFS'].includes(error.code)) return false;
    throw error;
  }
}

function userCache() {
  const { XDG_CACHE_HOME, HOME } = process.env;
  const home = HOME !== undefined && isWritable(HOME) ? join(HOME, '.cache') : undefined;
  return XDG_CACHE_HOME ?? home ?? join(tmpdir(), `postern-${process.getuid()}`);
}

/** The Node.js that runs Postern: the one npm brought, else the system's where that is new enough. */
export function nodePath() {
  const brought = join(BIN, 'node');
  return findProgram(brought) ?? (Number(process.versions.node.split('.')[0]) >= 24 ? process.execPath : undefined);
}

/** The environment for everything that is started: our Node.js first, what the system lacks last. */
export function environment() {
  const path = [BIN, process.env.PATH ?? '/usr/bin:/bin', ...ADMIN_PATHS, TOOLS].join(delimiter);
  const compiled = join(LOGS, '..', 'node-compile');
  return { NODE_COMPILE_CACHE: compiled, ...process.env, PATH: path };
}
