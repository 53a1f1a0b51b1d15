/**
 * Giving back memory that a process holds and does not use. Node.js gives little back by itself: the C library keeps what
 * was freed for later, pages of mapped files stay, and V8 takes a process for one that a person waits for, whose heap is
 * not worth making small (Node.js 24: its memory reducer runs only where the embedder or a flag says so).
 */
import { readFileSync } from 'node:fs';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import koffi from 'koffi';
import { SystemCallError } from './libc-socket.ts';

// <sys/mman.h>
const MADV_DONTNEED = 4;

let libc: ReturnType<typeof load> | undefined;

function load() {
  const library = koffi.load(null);
  return {
    trim: library.func('int malloc_trim(size_t pad)'),
    madvise: library.func('int madvise(uintptr_t address, size_t length, int advice)'),
  };
}

/** Gives the kernel what has been freed, wherever in the C library's heaps it lies: malloc_trim(3). Takes milliseconds. */
export function trimAllocator(): Promise<void> {
  libc ??= load();
  const { trim } = libc;
  return new Promise((resolve, reject) => {
    trim.async(0, (error: Error | null) => (error === null ? resolve() : reject(error)));
  });
}

/** Address space, in bytes, that shows a file. */
export interface FileMapping {
  readonly start: number;
  readonly length: number;
}

/** Where this process has mapped a file, given by its real path, to be shared and read. See proc_pid_maps(5). */
export function sharedMappings(path: string): readonly FileMapping[] {
  const found: FileMapping[] = [];
  for (const line of readFileSync('/proc/self/maps', 'utf8').split('\n')) {
    const [, start = '', end = '', name] = /^([0-9a-f]+)-([0-9a-f]+) r--s \S+ \S+ \S+ +(.*)$/.exec(line) ?? [];
    if (name !== path) continue;
    found.push({ start: Number.parseInt(start, 16), length: Number.parseInt(end, 16) - Number.parseInt(start, 16) });
  }
  return found;
}

/**
 * Takes the pages of a mapped file out of this process. They stay in the kernel's cache, from which a later access gets
 * them back: madvise(2). Only for what {@link sharedMappings} found and what is still mapped: elsewhere it would lose data.
 */
export function releasePages({ start, length }: FileMapping): void {
  libc ??= load();
  if (libc.madvise(start, length, MADV_DONTNEED) !== 0) throw new SystemCallError('madvise', koffi.errno());
}

/**
 * By how many percent of what is in use the heap may grow until V8 collects again; undefined: as V8 thinks best, which is
 * to more than twice of it.
 */
export function limitHeapGrowth(percent: number | undefined): void {
  setFlagsFromString(`--heap-growing-percent=${percent ?? 0}`);
}

/** Bytes that the heap takes, in use or not. */
export function heapSize(): number {
  return getHeapStatistics().total_heap_size;
}

/**
 * Whether V8 should rather keep its heap small than collect seldom. It then also collects by itself what it finds, some
 * seconds after work has ended, in small steps. For a process that has little to do: under load it collects far too often.
 */
export function preferSmallHeap(yes: boolean): void {
  setFlagsFromString(yes ? '--memory-saver-mode' : '--no-memory-saver-mode');
}
