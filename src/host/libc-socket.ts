/**
 * The few socket calls of the C library that Node.js has no API for. Everything is non-blocking: a call returns at once
 * or fails with EAGAIN, so the event loop may make it.
 */
import { getSystemErrorMap } from 'node:util';
import { isMainThread } from 'node:worker_threads';

export interface LibcSocket {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array): void;
  getsockname(fd: number, length: number): Uint8Array;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array): void;
  /** The answer takes the place of the bytes of `value`, which often are part of the question. */
  getsockopt(fd: number, level: number, name: number, value: Uint8Array): void;
  /** The number of bytes received, or undefined when there is nothing to read now. */
  recv(fd: number, into: Uint8Array): number | undefined;
  /** The number of bytes sent, or undefined when the queue is full. */
  send(fd: number, bytes: Uint8Array): number | undefined;
  /** Like `recv`, by a thread of the pool: for kernels that work long before they answer. Memory is the callee's until then. */
  recvInPool(fd: number, into: Uint8Array): Promise<number | undefined>;
  /** Like `send`, by a thread of the pool. */
  sendInPool(fd: number, bytes: Uint8Array): Promise<number | undefined>;
  close(fd: number): void;
  /** Like `close`, by a thread of the pool: for sockets that the kernel takes long to clear up after. */
  closeInPool(fd: number): Promise<void>;
  /** Has another part or thread close it: else those that a thread has opened end with the thread. */
  handOver(fd: number): void;
  /** The index of an interface; 0 when there is none of that name. */
  ifIndex(name: string): number;
  /** Calls `onReadable` from the event loop whenever there is something to read. Returns the end of it. */
  watch(fd: number, onReadable: () => void): () => void;
  /** The address of memory that the caller keeps alive, for structures that hold a pointer. */
  pointer(bytes: Uint8Array): bigint;
}

/** A call of the C library that failed. `code` is the name of its errno: `EPERM`. */
export class SystemCallError extends Error {
  readonly syscall: string;
  readonly code: string;

  constructor(syscall: string, errno: number) {
    const [code, text] = getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, 'unknown error'];
    super(`${syscall}: ${code}: ${text}`);
    this.name = 'SystemCallError';
    this.syscall = syscall;
    this.code = code;
  }
}

let loaded: Promise<LibcSocket> | undefined;

/** Loads the library on first use: only the agent's parts need it. */
export function libcSocket(): Promise<LibcSocket> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<LibcSocket> {
  const { default: koffi } = await import('koffi');
  const libc = koffi.load('libc.so.6');
  const socket = libc.func('int socket(int domain, int type, int protocol)');
  const bind = libc.func('int bind(int fd, const uint8_t *address, uint32_t length)');
  const getsockname = libc.func('int getsockname(int fd, uint8_t *address, uint8_t *length)');
  const setsockopt = libc.func('int setsockopt(int fd, int level, int name, const uint8_t *value, uint32_t length)');
  const getsockopt = libc.func('int getsockopt(int fd, int level, int name, uint8_t *value, uint8_t *length)');
  const recv = libc.func('intptr_t recv(int fd, uint8_t *into, size_t length, int flags)');
  const send = libc.func('intptr_t send(int fd, const uint8_t *bytes, size_t length, int flags)');
  const close = libc.func('int close(int fd)');
  const ifNameToIndex = libc.func('unsigned int if_nametoindex(const char *name)');
  const { EAGAIN = 11, ENOBUFS = 105, EINTR = 4 } = koffi.os.errno;

  /** Not closed yet, of this thread. */
  const open = new Set<number>();
  // Open files are the process's: a thread that fails would leave its own behind, and with each an interface's multicast groups.
  if (!isMainThread) process.once('exit', () => open.forEach((fd) => void close(fd)));

  const check = (name: string, result: number): number => {
    if (result < 0) throw new SystemCallError(name, koffi.errno());
    return result;
  };
  /** Like `check`; that nothing can be moved right now is an expected outcome. */
  const moved = (name: string, result: number | bigint, later: readonly number[]): number | undefined => {
    if (Number(result) >= 0) return Number(result);
    const errno = koffi.errno();
    if (later.includes(errno)) return undefined;
    throw new SystemCallError(name, errno);
  };

  const inPool = (name: string, call: typeof recv, args: readonly unknown[], later: readonly number[]) =>
    new Promise<number | undefined>((resolve, reject) => {
      call.async(...args, (error: Error | null, result: number | bigint) => {
        try {
          // koffi brings along the errno of the thread that made the call.
          if (error === null) resolve(moved(name, result, later));
          else reject(error);
        } catch (failure) {
          reject(failure);
        }
      });
    });

  return {
    socket: (domain, type, protocol) => {
      const fd = check('socket', socket(domain, type, protocol));
      open.add(fd);
      return fd;
    },
    bind: (fd, address) => void check('bind', bind(fd, address, address.length)),
    getsockname: (fd, length) => {
      const address = new Uint8Array(length);
      const size = new Uint8Array(Uint32Array.of(length).buffer);
      check('getsockname', getsockname(fd, address, size));
      return address;
    },
    setsockopt: (fd, level, name, value) => void check('setsockopt', setsockopt(fd, level, name, value, value.length)),
    getsockopt: (fd, level, name, value) => {
      const size = new Uint8Array(Uint32Array.of(value.length).buffer);
      check('getsockopt', getsockopt(fd, level, name, value, size));
    },
    recv: (fd, into) => moved('recv', recv(fd, into, into.length, 0), [EAGAIN, EINTR]),
    send: (fd, bytes) => moved('send', send(fd, bytes, bytes.length, 0), [EAGAIN, EINTR, ENOBUFS]),
    recvInPool: (fd, into) => inPool('recv', recv, [fd, into, into.length, 0], [EAGAIN, EINTR]),
    sendInPool: (fd, bytes) => inPool('send', send, [fd, bytes, bytes.length, 0], [EAGAIN, EINTR, ENOBUFS]),
    close: (fd) => {
      open.delete(fd);
      close(fd);
    },
    closeInPool: (fd) => {
      open.delete(fd);
      return new Promise((resolve) => close.async(fd, () => resolve()));
    },
    handOver: (fd) => void open.delete(fd),
    ifIndex: (name) => ifNameToIndex(name),
    watch: (fd, onReadable) => {
      const handle = koffi.node.poll(fd, { readable: true }, onReadable);
      return () => {
        handle.stop();
        handle.close();
      };
    },
    pointer: (bytes) => koffi.address(bytes),
  };
}
