/** Mounts, and paths that cannot lead out of a folder: what Node.js has no API for. */
import { closeSync } from 'node:fs';
import { readFile, realpath } from 'node:fs/promises';
import { codeOf } from '../lib/errors.ts';
import { SystemCallError } from './libc-socket.ts';
import { parseMountinfo } from './mountinfo.ts';

/** https://man7.org/linux/man-pages/man2/mount.2.html */
const MS_BIND = 0x1000;
const UMOUNT_NOFOLLOW = 8;
const MNT_DETACH = 2;
/** https://man7.org/linux/man-pages/man2/openat2.2.html; since Linux 5.6, the same number on every architecture. */
const SYS_OPENAT2 = 437;
const O_PATH = 0x200000;
const O_CLOEXEC = 0x80000;
const RESOLVE_NO_MAGICLINKS = 0x02n;
const RESOLVE_BENEATH = 0x08n;

export interface TmpfsOptions {
  /** Bytes that it holds at most. Default: half of the machine's memory, the kernel's own. */
  readonly size?: number;
  /** Of its root. */
  readonly mode: number;
}

/** Calls of the kernel; each throws, or rejects with, a {@link SystemCallError}. */
export interface Mounts {
  /** Mounts memory, which is not swapped out where the kernel can promise that: Linux 6.4. */
  tmpfs(target: string, options: TmpfsOptions): Promise<void>;
  /** Shows an open file or folder at `target` too, which is there already and of the same sort. */
  bind(fd: number, target: string): Promise<void>;
  /** Does not follow a link at the end of the path. What is still in use goes when it no longer is. */
  unmount(target: string): Promise<void>;
  /**
   * Opens what `path` leads to from `folder`, following links only as long as they stay in it: else EXDEV. The result serves to
   * name it, not to read or write. To be closed.
   */
  openBeneath(folder: string, path: string): number;
  /** Makes a folder in an open one. */
  makeFolder(parent: number, name: string, mode: number): void;
  close(fd: number): void;
}

let loaded: Promise<Mounts> | undefined;

/** Loads the C library on first use. */
export function openMounts(): Promise<Mounts> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<Mounts> {
  const { default: koffi } = await import('koffi');
  const libc = koffi.load('libc.so.6');
  const mount = libc.func(
    'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
  );
  const umount2 = libc.func('int umount2(const char *target, int flags)');
  const mkdirat = libc.func('int mkdirat(int fd, const char *path, unsigned int mode)');
  const open = libc.func('int open(const char *path, int flags)');
  const syscall = libc.func('long syscall(long number, ...)');

  const check = (name: string, result: number): number => {
    if (result < 0) throw new SystemCallError(name, koffi.errno());
    return result;
  };
  /** In a thread of the pool, as unmounting can mean to write or free much. */
  const inPool = (name: string, call: typeof mount, ...args: readonly unknown[]): Promise<void> =>
    new Promise((resolve, reject) => {
      call.async(...args, (error: Error | null, result: number) => {
        // koffi brings along the errno of the thread that made the call.
        if (error === null && result < 0) reject(new SystemCallError(name, koffi.errno()));
        else if (error === null) resolve();
        else reject(error);
      });
    });

  return {
    tmpfs: async (target, { size, mode }) => {
      const options = `mode=${mode.toString(8)}${size === undefined ? '' : `,size=${size}`}`;
      const mountWith = (text: string) => inPool('mount', mount, 'tmpfs', target, 'tmpfs', 0, text);
      try {
        await mountWith(`${options},noswap`);
      } catch (error) {
        // An older kernel does not know the option; whether that was it shows without.
        if (!(error instanceof SystemCallError) || error.code !== 'EINVAL') throw error;
        await mountWith(options);
      }
    },
    bind: (fd, target) => inPool('mount', mount, `/proc/self/fd/${fd}`, target, null, MS_BIND, null),
    unmount: async (target) => {
      try {
        await inPool('umount', umount2, target, UMOUNT_NOFOLLOW);
      } catch (error) {
        if (!(error instanceof SystemCallError) || error.code !== 'EBUSY') throw error;
        await inPool('umount', umount2, target, UMOUNT_NOFOLLOW | MNT_DETACH);
      }
    },
    openBeneath: (folder, path) => {
      const base = check('open', open(folder, O_PATH | O_CLOEXEC));
      try {
        const how = BigUint64Array.of(BigInt(O_PATH | O_CLOEXEC), 0n, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
        const args = ['int', base, 'str', path, 'void *', how, 'size_t', how.byteLength] as const;
        return check('openat2', Number(syscall(SYS_OPENAT2, ...args)));
      } finally {
        closeSync(base);
      }
    },
    makeFolder: (parent, name, mode) => void check('mkdir', mkdirat(parent, name, mode)),
    close: (fd) => closeSync(fd),
  };
}

/** The mount points at `path` and beneath it, those deepest first; none where there is no such path. */
export async function mountsBeneath(path: string): Promise<readonly string[]> {
  const whole = await realPath(path); // The kernel names mount points without links in them.
  if (whole === undefined) return [];
  return parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8'))
    .map(({ point }) => point)
    .filter((point) => point === whole || point.startsWith(`${whole}/`))
    .reverse();
}

async function realPath(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
