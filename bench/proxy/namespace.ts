/** Programs of this bench in network namespaces of their own: no cache or table is left from the one before. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Milliseconds that a program may take. */
const LIMIT = 300_000;

/**
 * Runs a program alone in new network, mount and process namespaces, with `input` as its only argument, in JSON; returns what it prints,
 * also in JSON. Needs root, or user namespaces.
 */
export function inNamespace<T>(program: URL, input: unknown): T {
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  // Whatever it starts ends with it.
  const own = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const argv = [...user, ...own, process.execPath, fileURLToPath(program), JSON.stringify(input)];
  const { status, signal, stdout } = spawnSync('unshare', argv, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 256 * 1024 * 1024,
    timeout: LIMIT,
  });
  if (status !== 0) throw new Error(`${fileURLToPath(program)} ended with ${status ?? signal}`);
  return JSON.parse(stdout) as T;
}

/** What {@link inNamespace} gave this program. */
export function input<T>(): T {
  return JSON.parse(process.argv[2] ?? 'null') as T;
}

/** Gives `result` to {@link inNamespace}. */
export function output(result: unknown): void {
  process.stdout.write(JSON.stringify(result));
}
