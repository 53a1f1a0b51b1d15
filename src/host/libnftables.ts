/**
 * nftables in process: libnftables.so.1 through koffi. A change of one element takes about 0.1 ms, against 20 ms and
 * more for starting nft. Calls run on the thread pool, so a large load does not hold up the event loop.
 * https://manpages.debian.org/bookworm/libnftables-dev/libnftables.3.en.html
 */
import { NFT_NEEDS, NftError, type NftRunner } from './nft.ts';
import { NftSocket } from './nft-batch.ts';

/** NFT_CTX_OUTPUT_TERSE of nftables/libnftables.h: listings leave set elements out. */
const NFT_CTX_OUTPUT_TERSE = 1 << 11;

type Context = unknown;

interface Library {
  readonly newContext: () => Context;
  readonly freeContext: (context: Context) => void;
  readonly runAsync: (context: Context, script: string) => Promise<number>;
  readonly output: (context: Context) => string;
  readonly errors: (context: Context) => string;
  /** Gives freed memory back to the system; undefined where the C library has no such call. */
  readonly trim: (() => Promise<void>) | undefined;
}

/** Scripts from this length on, in characters, take memory worth giving back: some 50 bytes for each of theirs. */
const LARGE_SCRIPT = 256 * 1024;

/** libnftables.so.1 cannot be loaded: it is not installed, or not for this machine. */
export class LibnftablesMissing extends Error {
  constructor(cause: unknown) {
    super(`libnftables.so.1 cannot be loaded; install the package libnftables1 (${NFT_NEEDS})`, { cause });
    this.name = 'LibnftablesMissing';
  }
}

/** A runner inside this process, for this process's network namespace. Throws {@link LibnftablesMissing}. */
export async function openLibnftables(): Promise<NftRunner> {
  return new InProcess(await loadLibrary());
}

/** Loads koffi with it: only the agent's parts need either. */
async function loadLibrary(): Promise<Library> {
  try {
    const { default: koffi } = await import('koffi');
    const lib = koffi.load('libnftables.so.1');
    const create = lib.func('void *nft_ctx_new(uint32_t flags)');
    const free = lib.func('void nft_ctx_free(void *ctx)');
    const bufferOutput = lib.func('int nft_ctx_buffer_output(void *ctx)');
    const bufferError = lib.func('int nft_ctx_buffer_error(void *ctx)');
    const setFlags = lib.func('void nft_ctx_output_set_flags(void *ctx, unsigned int flags)');
    const run = lib.func('int nft_run_cmd_from_buffer(void *ctx, const char *script)');
    return {
      newContext: () => {
        const context = create(0);
        if (context === null || bufferOutput(context) !== 0 || bufferError(context) !== 0) {
          throw new Error('libnftables has no memory for a context');
        }
        setFlags(context, NFT_CTX_OUTPUT_TERSE);
        return context;
      },
      freeContext: free,
      runAsync: (context, script) =>
        new Promise((resolve, reject) => {
          run.async(context, script, (error: Error | null, code: number) =>
            error === null ? resolve(code) : reject(error),
          );
        }),
      output: lib.func('const char *nft_ctx_get_output_buffer(void *ctx)'),
      errors: lib.func('const char *nft_ctx_get_error_buffer(void *ctx)'),
      trim: findTrim(koffi),
    };
  } catch (cause) {
    throw new LibnftablesMissing(cause);
  }
}

/** glibc keeps what a thread of the pool has freed, hundreds of megabytes after a large load: malloc_trim(3). */
function findTrim(koffi: typeof import('koffi')['default']): Library['trim'] {
  const libc = koffi.load('libc.so.6');
  try {
    const trim = libc.func('int malloc_trim(size_t pad)');
    return () => new Promise((resolve) => trim.async(0, () => resolve()));
  } catch {
    return undefined; // Not glibc: nothing to give back.
  }
}

class InProcess implements NftRunner {
  readonly #lib: Library;
  readonly #context: Context;
  readonly #socket = new NftSocket();
  /** A context serves one call at a time: each waits for the one before. */
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(lib: Library) {
    this.#lib = lib;
    this.#context = lib.newContext();
  }

  async run(script: string): Promise<void> {
    await this.#call(script);
  }

  list(command: string): Promise<string> {
    return this.#call(command);
  }

  send(messages: readonly Uint8Array[]): Promise<void> {
    return this.#inTurn('', () => this.#socket.send(messages));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#last;
    this.#lib.freeContext(this.#context);
    this.#socket.close();
  }

  #call(script: string): Promise<string> {
    return this.#inTurn(script, () => this.#exchange(script));
  }

  #inTurn<T>(script: string, work: () => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new NftError(script, 'the runner is closed'));
    const answer = this.#last.then(work);
    this.#last = answer.catch(() => {}); // The caller has the error; the queue only needs the end.
    return answer;
  }

  async #exchange(script: string): Promise<string> {
    const code = await this.#lib.runAsync(this.#context, script);
    // Reading a buffer empties it, so both are read whatever the outcome.
    const output = this.#lib.output(this.#context);
    const stderr = this.#lib.errors(this.#context);
    if (script.length >= LARGE_SCRIPT) await this.#lib.trim?.();
    if (code !== 0) throw new NftError(script, stderr);
    return output;
  }
}
