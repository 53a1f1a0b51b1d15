/** Reads YAML bodies without keeping others waiting: small ones at once, larger ones one after the other in a thread. */
import { Worker } from 'node:worker_threads';
import { badRequest, failure } from '../../api/status.ts';
import { seconds } from '../../lib/duration.ts';
import { parseYAMLText, type YAMLText } from './yaml.ts';
import type { YAMLOutcome } from './yaml.worker.ts';

/** Characters. Read in a few milliseconds, which is less than a thread takes to start. */
const AT_ONCE = 8 * 1024;
/** Characters of a text that is read at once all the same where no thread can be started. */
const AT_ONCE_AT_MOST = 256 * 1024;
/** Several times what an ordinary text of the largest size takes. What takes longer was written to do harm. */
const TIME_LIMIT = seconds(20);
/** Megabytes of heap, for texts of which a byte becomes a hundred. */
const HEAP_LIMIT = 512;
const MAX_WAITING = 8;

export class YAMLReader {
  readonly #timeLimit: number;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor({ timeLimit = TIME_LIMIT }: { readonly timeLimit?: number } = {}) {
    this.#timeLimit = timeLimit;
  }

  /** Throws an ApiError: 400 for what is not YAML, 413 for what takes too long, 429 when too many wait already. */
  async read(text: string): Promise<YAMLText> {
    if (text.length <= AT_ONCE) return readAtOnce(text);
    if (this.#waiting >= MAX_WAITING) {
      const why = 'Too many large YAML bodies are being read, please try again later, or send JSON';
      throw failure(429, 'TooManyRequests', why, { retryAfterSeconds: 1 });
    }
    this.#waiting++;
    const read = this.#last.then(() => this.#readElsewhere(text)).finally(() => this.#waiting--);
    this.#last = read.catch(() => {});
    return read;
  }

  async #readElsewhere(text: string): Promise<YAMLText> {
    const outcome = await this.#inThread(text);
    switch (outcome.kind) {
      case 'read':
        return outcome;
      case 'mistake':
        throw notYAML(outcome.message);
      case 'too-much':
        throw tooMuch();
      case 'no-thread':
        // Its files cannot be read any more, by a server that has given up root: as good as it goes, then.
        if (text.length > AT_ONCE_AT_MOST) throw tooMuch();
        return readAtOnce(text);
    }
  }

  #inThread(text: string): Promise<YAMLOutcome | { readonly kind: 'too-much' | 'no-thread' }> {
    const { promise, resolve } = Promise.withResolvers<YAMLOutcome | { readonly kind: 'too-much' | 'no-thread' }>();
    const worker = new Worker(new URL('./yaml.worker.ts', import.meta.url), {
      workerData: text,
      execArgv: [],
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: HEAP_LIMIT },
    });
    worker.unref();
    const timer = setTimeout(() => resolve({ kind: 'too-much' }), this.#timeLimit);
    worker.once('message', resolve);
    worker.once('error', (error) => {
      const isFull = 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      resolve({ kind: isFull ? 'too-much' : 'no-thread' });
    });
    worker.once('exit', () => resolve({ kind: 'too-much' }));
    return promise.finally(() => {
      clearTimeout(timer);
      return worker.terminate();
    });
  }
}

function readAtOnce(text: string): YAMLText {
  try {
    return parseYAMLText(text);
  } catch (error) {
    throw notYAML((error as Error).message);
  }
}

function notYAML(message: string) {
  return badRequest(`the body is not YAML: ${message}`);
}

function tooMuch() {
  const why = 'Request entity too large: reading it as YAML takes too much time or memory; send it as JSON';
  return failure(413, 'RequestEntityTooLarge', why);
}
