/** Two calls on open files that Node.js does not offer. The program itself is linked with the C library that has them. */
import koffi from 'koffi';
import { SystemCallError } from './libc-socket.ts';

// <sys/file.h> and <fcntl.h>, the same on all of Linux.
const LOCK_EX = 2;
const LOCK_NB = 4;
const F_SETFD = 2;
const FD_CLOEXEC = 1;

/** Takes the exclusive lock of an open file, without waiting: flock(2). False when another open file has it. */
export function tryLock(fd: number): boolean {
  const flock = koffi.load(null).func('int flock(int fd, int operation)');
  if (flock(fd, LOCK_EX | LOCK_NB) === 0) return true;
  if (koffi.errno() === koffi.os.errno['EWOULDBLOCK']) return false;
  throw new SystemCallError('flock', koffi.errno());
}

/** Has the kernel close a file when this process becomes another program: fcntl(2). */
export function setCloseOnExec(fd: number): void {
  const fcntl = koffi.load(null).func('int fcntl(int fd, int command, ...)');
  if (fcntl(fd, F_SETFD, 'int', FD_CLOEXEC) !== 0) throw new SystemCallError('fcntl', koffi.errno());
}
