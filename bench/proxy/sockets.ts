/** Blocking calls of the C library on TCP sockets, in any network namespace: what Node.js has between is slower than a connection. */
import { closeSync, openSync } from 'node:fs';
import koffi from 'koffi';
import { ipBytes, mustParseIP } from '../../src/lib/ip.ts';

const libc = koffi.load('libc.so.6');
const calls = {
  setns: libc.func('int setns(int fd, int type)'),
  socket: libc.func('int socket(int domain, int type, int protocol)'),
  setsockopt: libc.func('int setsockopt(int fd, int level, int name, const uint8_t *value, uint32_t length)'),
  bind: libc.func('int bind(int fd, const uint8_t *address, uint32_t length)'),
  listen: libc.func('int listen(int fd, int backlog)'),
  connect: libc.func('int connect(int fd, const uint8_t *address, uint32_t length)'),
  accept: libc.func('int accept(int fd, void *address, void *length)'),
  close: libc.func('int close(int fd)'),
};

const CLONE_NEWNET = 0x40000000;
const AF_INET = 2;
const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SO_LINGER = 13;
/** Closing resets the connection: nothing of it stays behind but in connection tracking. */
const RESET_ON_CLOSE = new Uint8Array(Int32Array.of(1, 0).buffer);

function check(name: string, result: number): number {
  if (result < 0) throw new Error(`${name} failed with errno ${koffi.errno()}`);
  return result;
}

/** From now on, this thread makes sockets in a namespace of ip-netns(8). */
export function enter(namespace: string): void {
  const fd = openSync(`/run/netns/${namespace}`, 'r');
  check('setns', calls.setns(fd, CLONE_NEWNET));
  closeSync(fd);
}

/** `struct sockaddr_in`. */
export function socketAddress(ip: string, port: number): Uint8Array {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint16(0, AF_INET, true);
  new DataView(bytes.buffer).setUint16(2, port);
  bytes.set(ipBytes(mustParseIP(ip)), 4);
  return bytes;
}

export function listenOn(port: number): number {
  const fd = check('socket', calls.socket(AF_INET, SOCK_STREAM, 0));
  check('bind', calls.bind(fd, socketAddress('0.0.0.0', port), 16));
  check('listen', calls.listen(fd, 128));
  return fd;
}

/** Connects, has the listener accept, and ends the connection. Microseconds that the call of connect took. */
export function timeConnection(listener: number, to: Uint8Array): number {
  const fd = check('socket', calls.socket(AF_INET, SOCK_STREAM, 0));
  check('setsockopt', calls.setsockopt(fd, SOL_SOCKET, SO_LINGER, RESET_ON_CLOSE, RESET_ON_CLOSE.length));
  const started = performance.now();
  const result = calls.connect(fd, to, to.length);
  const ended = performance.now();
  check('connect', result);
  calls.close(check('accept', calls.accept(listener, null, null)));
  calls.close(fd);
  return (ended - started) * 1000;
}

/** The same of a call that fails at once: what calling takes. */
export function timeNothing(): number {
  const started = performance.now();
  calls.connect(-1, RESET_ON_CLOSE, 0);
  return (performance.now() - started) * 1000;
}
