/** The machine's network interfaces as they are now, told of every change by the kernel itself (rtnetlink(7)). */

import { type LibcSocket, libcSocket, SystemCallError } from './libc-socket.ts';
import { LinkTable } from './link-table.ts';
import type { Logger } from './log.ts';
import { NLMSG_ERROR } from './netlink.ts';
import { NetlinkError, netlinkError } from './netlink-dump.ts';
import { type NetlinkMessage, readMessages } from './netlink-message.ts';
import { dumpRequest, INTERFACE_GROUPS, type LinkMessage, RTM_GETADDR, RTM_GETLINK, routeSocket } from './rtnetlink.ts';

/** One interface. */
export interface NetworkLink extends Omit<LinkMessage, 'announce'> {
  /** In canonical text, without zone. */
  readonly addresses: readonly string[];
}

/** What has changed about one interface. */
export interface LinkChange {
  readonly name: string;
  /** As it is now; undefined: it is gone. */
  readonly link: NetworkLink | undefined;
  /** As it was before; undefined: it has come. */
  readonly previous: NetworkLink | undefined;
  /** The kernel says that its neighbours should hear of it anew: a bond has failed over, or the machine has been moved. */
  readonly announce: boolean;
}

export interface LinkWatch {
  /** By name, as they are now. */
  readonly links: ReadonlyMap<string, NetworkLink>;
  /** Called for every change from now on. Returns the end of it. */
  onChange(listener: (change: LinkChange) => void): () => void;
}

/** Begins to watch the network namespace of this process; resolves when everything is known. Ends with the signal. */
export type OpenLinkWatch = (log: Logger, signal: AbortSignal) => Promise<LinkWatch>;

// linux/netlink.h
const NLMSG_DONE = 3;
const NLM_F_DUMP_INTR = 0x10;
/** The kernel fills up to 32 KiB for each receive. */
const BUFFER = 65536;
/** Receives in one turn of the event loop. */
const BATCH = 16;
/** Milliseconds until a watch that failed, or that was told too much at once, begins anew. */
const RETRY = 100;

export const openLinkWatch: OpenLinkWatch = async (log, signal) => {
  const watch = new LinuxLinkWatch(await libcSocket(), log);
  await watch.start(signal);
  return watch;
};

class LinuxLinkWatch implements LinkWatch {
  readonly #libc: LibcSocket;
  readonly #log: Logger;
  readonly #buffer = new Uint8Array(BUFFER);
  readonly #listeners = new Set<(change: LinkChange) => void>();
  #known: LinkTable = new LinkTable();
  #close: () => void = () => {};

  constructor(libc: LibcSocket, log: Logger) {
    this.#libc = libc;
    this.#log = log;
  }

  /** Resolves when everything is known. */
  async start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => {
      this.#close();
      reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#begin(resolve, signal);
    await promise;
  }

  get links(): ReadonlyMap<string, NetworkLink> {
    return this.#known.links;
  }

  onChange(listener: (change: LinkChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Listens first and asks then, so that nothing is missed between; what is asked for is put beside what was known. */
  #begin(ready: () => void, signal: AbortSignal): void {
    const fd = routeSocket(this.#libc, INTERFACE_GROUPS);
    const table = new LinkTable();
    const questions = [RTM_GETLINK, RTM_GETADDR] as const;
    let asked = 0;
    const ask = (): void => {
      const question = questions[asked++];
      if (question !== undefined) this.#libc.send(fd, dumpRequest(question));
      if (asked === questions.length + 1) this.#replace(table, ready);
    };
    const take = (message: NetlinkMessage): void => {
      const changes = table.apply(message);
      if (table === this.#known) this.#tell(changes);
      if (isEnd(message)) ask();
    };
    const unwatch = this.#libc.watch(fd, () => {
      try {
        this.#drain(fd, take);
      } catch (error) {
        if (!(error instanceof NetlinkError || error instanceof SystemCallError)) throw error;
        this.#close();
        this.#retry(error, ready, signal);
      }
    });
    this.#close = () => {
      this.#close = () => {};
      unwatch();
      this.#libc.close(fd);
    };
    ask();
  }

  #replace(table: LinkTable, ready: () => void): void {
    const changes = this.#known.changesTo(table);
    this.#known = table;
    this.#tell(changes);
    ready();
  }

  #drain(fd: number, take: (message: NetlinkMessage) => void): void {
    const open = this.#close;
    for (let i = 0; i < BATCH && this.#close === open; i++) {
      const length = this.#libc.recv(fd, this.#buffer);
      if (length === undefined) return;
      for (const message of readMessages(this.#buffer.subarray(0, length))) take(message);
    }
  }

  /** What was known stays until the kernel has told everything again. */
  #retry(err: unknown, ready: () => void, signal: AbortSignal): void {
    this.#log.debug({ err, retryIn: RETRY }, 'network interfaces are read anew');
    setTimeout(() => {
      if (signal.aborted) return;
      try {
        this.#begin(ready, signal);
      } catch (error) {
        this.#retry(error, ready, signal);
      }
    }, RETRY).unref();
  }

  #tell(changes: readonly LinkChange[]): void {
    for (const change of changes) for (const listener of this.#listeners) listener(change);
  }
}

/** Whether a message ends an answer. Throws when the answer is not to be trusted. */
function isEnd({ type, flags, payload }: NetlinkMessage): boolean {
  if ((flags & NLM_F_DUMP_INTR) !== 0) throw netlinkError(INTERRUPTED);
  if (type !== NLMSG_DONE && type !== NLMSG_ERROR) return false;
  const errno = payload.length < 4 ? 0 : new DataView(payload.buffer, payload.byteOffset).getInt32(0, true);
  if (errno < 0) throw netlinkError(errno);
  return true;
}

/** -EINTR. */
const INTERRUPTED = -4;
