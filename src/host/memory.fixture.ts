/** Fills the heap and the allocator, lets go of all of it, and prints how many MB are resident before and after. */
import { setTimeout as sleep } from 'node:timers/promises';
import { preferSmallHeap, trimAllocator } from './memory.ts';

const resident = () => process.memoryUsage.rss() / 2 ** 20;

let objects: object[] = Array.from({ length: 500_000 }, (_, i) => ({ name: `object ${i}`, buffer: [i] }));
let buffers: Uint8Array[] = Array.from({ length: 50_000 }, () => new Uint8Array(1024).fill(1));
const full = resident();
objects = objects.slice(0, 1);
buffers = buffers.slice(0, 1);
preferSmallHeap(true);
// V8 chooses the moment; a process in which nothing changes is left alone.
for (let tries = 0; tries < 150 && resident() > full - 80; tries++) {
  await sleep(100);
  objects.push({ tries });
  await trimAllocator();
}
process.stdout.write(JSON.stringify({ full, empty: resident(), kept: objects.length + buffers.length }));
