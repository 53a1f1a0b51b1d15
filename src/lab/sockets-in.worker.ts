/**
 * Opens one TCP socket in each of several network namespaces. A thread of its own does it, because an ordinary user's
 * thread that has left the machine's own namespace has no way back. File descriptors belong to the whole process.
 */
import { closeSync, openSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import koffi from 'koffi';
import { libcSocket, SystemCallError } from '../host/libc-socket.ts';
import type { IPFamily } from '../lib/ip.ts';

/** linux/sched.h, sys/socket.h */
const CLONE_NEWNET = 0x40000000;
const AF: Readonly<Record<IPFamily, number>> = { IPv4: 2, IPv6: 10 };
const SOCK_STREAM_CLOEXEC_NONBLOCK = 0o1 | 0o2000000 | 0o4000;

const setns = koffi.load('libc.so.6').func('int setns(int fd, int kind)');
const libc = await libcSocket();

/** Where, by a process that is there, and for which family. */
export interface SocketWanted {
  readonly pid: number;
  readonly family: IPFamily;
}

function socketIn({ pid, family }: SocketWanted): number {
  const namespace = openSync(`/proc/${pid}/ns/net`, 'r');
  try {
    if (setns(namespace, CLONE_NEWNET) < 0) throw new SystemCallError('setns', koffi.errno());
  } finally {
    closeSync(namespace);
  }
  const fd = libc.socket(AF[family], SOCK_STREAM_CLOEXEC_NONBLOCK, 0);
  libc.handOver(fd);
  return fd;
}

parentPort?.postMessage((workerData as readonly SocketWanted[]).map(socketIn));
