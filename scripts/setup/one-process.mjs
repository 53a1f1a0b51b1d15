/** Which test files may share a process: starting one for each takes longer than most of them do. */
import { readFileSync } from 'node:fs';

/**
 * What needs a process of its own: hooks of a whole file, which would be every file's; and whatever the process or the
 * machine has only one of, or has to end however the test does; and whatever judges how long the event loop was held, which
 * collecting others' garbage would hold too. Servers in the process and directories end with their test.
 */
const OWN =
  /^(?:before|after|beforeEach|afterEach)\(|\bprocess\.(?!env\['\w+'\](?! =))|\bspawn|\brunCommand\b|\bWorker\b|\bmock\b|\bperformance\b|processorTime|EventLoop|(?<!\brandom\.)fixture|\bunshare\b|createServer|node:(?:net|dgram|tls|https?|http2|worker_threads|child_process)'|\betcd|\blmdb/m;

export function mayShareProcess(path) {
  return !OWN.test(readFileSync(path, 'utf8'));
}
