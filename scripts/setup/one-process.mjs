/** Which test files may share a process: starting one for each takes longer than most of them do. */
import { readFileSync } from 'node:fs';

/**
 * What needs a process of its own: hooks of a whole file, which would be every file's; and whatever the process or the
 * machine has only one of, or has to be cleaned up however the test ends; and whatever judges how long the event loop was held, which
 * collecting others' garbage would hold too.
 */
const OWN =
  /^(?:before|after|beforeEach|afterEach)\(|\bprocess\.|\bspawn|\brunCommand\b|\bWorker\b|\bmock\b|\bperformance\b|processorTime|EventLoop|fixture|mkdtemp|tempDir|\bunshare\b|createServer|startTestServer|node:(?:net|dgram|tls|https?|http2|worker_threads|child_process)'|\betcd|\blmdb/m;

export function mayShareProcess(path) {
  return !OWN.test(readFileSync(path, 'utf8'));
}
