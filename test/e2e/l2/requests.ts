/** What became of a client's requests, as a test sees it: one {@link Target} after the other, each in the order of its answers. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Line, now, type Target } from './traffic.ts';

export interface Request {
  readonly target: Target;
  /** Milliseconds of `now`. */
  readonly sent: number;
  /** Undefined when it was lost. */
  readonly answered: number | undefined;
  /** The node that answered, or why there is no answer. */
  readonly word: string;
}

interface Waiting {
  readonly matches: (request: Request) => boolean;
  readonly found: (request: Request) => void;
}

/** Milliseconds that something may take that a test waits for. */
const LIMIT = 20_000;

/** The program and its arguments: to be started at the client's place. */
export function trafficArgv(targets: readonly Target[]): readonly string[] {
  return [process.execPath, fileURLToPath(new URL('traffic.ts', import.meta.url)), JSON.stringify(targets)];
}

/** Requests that are sent until {@link stop}. */
export class Traffic {
  readonly requests: Request[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #waiting = new Set<Waiting>();

  constructor(child: ChildProcess, targets: readonly Target[]) {
    if (child.stdout === null) throw new Error('traffic has no output');
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once('close', resolve));
    createInterface({ input: child.stdout }).on('line', (line) => this.#took(line, targets));
  }

  /** The next request, from now on, that is as wanted. */
  next(what: string, matches: (request: Request) => boolean, limit = LIMIT): Promise<Request> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(waiting);
        reject(new Error(`${what}: not within ${limit} ms; the latest: ${JSON.stringify(this.requests.slice(-4))}`));
      }, limit);
      const waiting: Waiting = {
        matches,
        found: (request) => {
          clearTimeout(timer);
          this.#waiting.delete(waiting);
          resolve(request);
        },
      };
      this.#waiting.add(waiting);
    });
  }

  /** Waits until every target is answered by that node. */
  async answeredBy(node: string | RegExp, targets: readonly Target[], since = now()): Promise<readonly Request[]> {
    const isNode = (word: string) => (typeof node === 'string' ? word === node : node.test(word));
    return await Promise.all(
      targets.map((target) =>
        this.next(
          `an answer of ${node} at ${target.address} by ${target.by}`,
          (request) =>
            request.target === target &&
            request.answered !== undefined &&
            request.sent >= since &&
            isNode(request.word),
        ),
      ),
    );
  }

  /** Requests that got no answer, sent since then. */
  lost(since = 0): readonly Request[] {
    return this.requests.filter(({ answered, sent }) => answered === undefined && sent >= since);
  }

  /** Sends no more, waits for what is outstanding, and tells everything. */
  async stop(): Promise<readonly Request[]> {
    this.#child.stdin?.end();
    await this.#ended;
    return this.requests;
  }

  #took(text: string, targets: readonly Target[]): void {
    const [index, sent, answered, word] = JSON.parse(text) as Line;
    const target = targets[index];
    if (target === undefined) throw new Error(`there is no target ${index}`);
    const request = { target, sent, answered: answered ?? undefined, word };
    this.requests.push(request);
    for (const waiting of [...this.#waiting]) if (waiting.matches(request)) waiting.found(request);
  }
}
