/** What a lab says about itself, kept in files, so that every command finds it whoever started it. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { codeOf } from '../lib/errors.ts';
import { LabError } from './error.ts';
import type { Layout } from './layout.ts';
import type { LinkFault } from './links.ts';
import { isAlive, type ProcessIdentity } from './process-identity.ts';
import type { ProcessState } from './supervisor.ts';
import type { LabSpec } from './topology.ts';

/** Who runs the lab. */
export interface Owner extends ProcessIdentity {
  /** The lab's PID namespace, once it is there: whatever is in it belongs to the lab. */
  readonly pidNamespace?: string;
  /** Whether the lab has a user namespace of its own, because an ordinary user started it. */
  readonly userNamespace?: boolean;
}

/** Written by the lab at every change. Process ids are those of the lab's own PID namespace. */
export interface LabState {
  readonly ready: boolean;
  /** The API as the user reaches it, once the server has said so: `https://127.0.0.1:PORT`. */
  readonly server: string | undefined;
  /** A process in each place, by the place's name: the way in. */
  readonly places: Readonly<Record<string, number>>;
  readonly processes: readonly ProcessState[];
}

export const readSpec = (layout: Layout): LabSpec | undefined => readJson<LabSpec>(layout.spec);
export const readOwner = (layout: Layout): Owner | undefined => readJson<Owner>(layout.owner);
/** Of a lab that runs; none when nothing was ever cut. */
export const readLinks = (layout: Layout): readonly LinkFault[] => readJson<readonly LinkFault[]>(layout.links) ?? [];
export const readState = (layout: Layout): LabState | undefined => readJson<LabState>(layout.state);

/** The owner, if it still runs. */
export function runningOwner(layout: Layout): Owner | undefined {
  const owner = readOwner(layout);
  return owner !== undefined && isAlive(owner) ? owner : undefined;
}

/** Makes `owner` the one who runs the lab; false when there is one already, alive or not. */
export function claim(layout: Layout, owner: Owner): boolean {
  mkdirSync(layout.run, { recursive: true, mode: 0o700 });
  try {
    writeFileSync(layout.owner, JSON.stringify(owner), { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Replaces a file at once: a reader sees the old or the new text, never half of one. */
export function writeJson(path: string, value: object): void {
  const fresh = `${path}.${process.pid}.tmp`;
  writeFileSync(fresh, JSON.stringify(value, undefined, 2), { mode: 0o600 });
  try {
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}

function readJson<T>(path: string): T | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = codeOf(error);
    // ENOTDIR: the directory is a file, so that no lab can be in it.
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'EACCES')
      throw new LabError(`${path} is not yours to read: the lab is another user's.`, { cause: error });
    throw error;
  }
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new LabError(`${path} is damaged. Remove it, and try again.`, { cause });
  }
}
