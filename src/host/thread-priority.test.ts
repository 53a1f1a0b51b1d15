import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

test('a thread that is preferred leaves the priority of all others as it is', async (t) => {
  const source = `
    import { parentPort } from 'node:worker_threads';
    const { preferThisThread } = await import(${JSON.stringify(new URL('thread-priority.ts', import.meta.url).href)});
    const log = { debug() {} };
    parentPort.postMessage(preferThisThread(log));
    parentPort.on('message', () => {});
  `;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`));
  const granted = await new Promise<boolean>((resolve, reject) =>
    worker.once('message', resolve).once('error', reject),
  );
  const own = getPriority();
  const nices = readdirSync('/proc/self/task').map(niceOf);
  await worker.terminate();
  if (!granted) t.skip('needs CAP_SYS_NICE');
  else
    assert.deepEqual(
      nices.filter((nice) => nice !== own),
      [-10],
    );
});

/** Field 19 of proc_pid_stat(5). */
function niceOf(thread: string): number {
  const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
}
