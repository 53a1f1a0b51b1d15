/** The file that may hold the secret of heartbeats, in place of the cluster's Secret. */
import { readFile, stat } from 'node:fs/promises';
import { SECRET_BYTES } from './settings.ts';

/** A file that cannot be used: what is wrong with it, and what to do. */
export class KeyFileError extends Error {
  readonly remedy: string;

  constructor(message: string, remedy: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'KeyFileError';
    this.remedy = remedy;
  }
}

/** Readable by others than owner and group. */
const WORLD_READABLE = 0o004;
const MAKE_ONE = 'Make one: (umask 077; openssl rand -base64 32 > FILE), and copy it to every node.';

/** Reads the secret; a newline at its end, which editors and `openssl` add, does not count. Throws {@link KeyFileError}. */
export async function readKeyFile(path: string): Promise<Uint8Array> {
  const found = await reading(path, stat(path));
  if (!found.isFile()) throw new KeyFileError(`heartbeat key ${path} is no file`, MAKE_ONE);
  if ((found.mode & WORLD_READABLE) !== 0) {
    throw new KeyFileError(`heartbeat key ${path} is readable by everyone on this machine`, `chmod 600 ${path}`);
  }
  const { least, most } = SECRET_BYTES;
  if (found.size <= most) {
    const secret = withoutLineEnd(await reading(path, readFile(path)));
    if (secret.length >= least) return secret;
  }
  const allowed = `it is ${least} to ${most}, line end apart`;
  throw new KeyFileError(`heartbeat key ${path} has ${found.size} bytes: ${allowed}`, MAKE_ONE);
}

async function reading<T>(path: string, read: Promise<T>): Promise<T> {
  try {
    return await read;
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? cause.code : cause;
    throw new KeyFileError(`heartbeat key ${path} cannot be read: ${why}`, MAKE_ONE, { cause });
  }
}

const NEWLINE = 0x0a;

function withoutLineEnd(bytes: Uint8Array): Uint8Array {
  return bytes.at(-1) === NEWLINE ? bytes.subarray(0, -1) : bytes;
}
