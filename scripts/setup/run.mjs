/** Running other programs: quietly with a log for the steps of the set-up, in the foreground for what the user asked for. */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fail } from './fail.mjs';
import { environment, LOGS, ROOT } from './paths.mjs';

/** Lines of a failed step's log that are shown. */
const SHOWN_LINES = 30;

/** Runs a step of the set-up, its output in a log file of its name; resolves to its exit status and what it printed. */
export function runLogged(name, argv, { cwd = ROOT, env = {} } = {}) {
  mkdirSync(LOGS, { recursive: true });
  const file = join(LOGS, `${name}.log`);
  const log = openSync(file, 'w', 0o600);
  return new Promise((resolve, reject) => {
    const [program, ...args] = argv;
    const stopForwarding = forwardSignals((signal) => child.kill(signal));
    const child = spawn(program, args, { cwd, env: { ...environment(), ...env }, stdio: ['ignore', log, log] });
    closeSync(log);
    child.once('error', (cause) => {
      stopForwarding();
      reject(new Error(`cannot run ${program}: ${cause.message}`, { cause }));
    });
    child.once('close', (code, signal) => {
      stopForwarding();
      resolve({ status: exitStatus(code, signal), output: () => readFileSync(file, 'utf8'), file });
    });
  });
}

/** As {@link runLogged}; a failure ends the set-up and shows the log's last lines. */
export async function mustRunLogged(name, argv, options) {
  const result = await runLogged(name, argv, options);
  if (result.status === 0) return result;
  const lines = result.output().trimEnd().split('\n').slice(-SHOWN_LINES);
  fail(
    `${argv.join(' ')} failed with exit status ${result.status}:`,
    `${lines.join('\n')}\n(all of it: ${result.file})`,
  );
}

/** Runs a program as if it had been started in our place: same terminal, signals passed on. Resolves to its exit status. */
export function runForeground(argv, { env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const [program, ...args] = argv;
    const stopForwarding = forwardSignals((signal) => child.kill(signal));
    const child = spawn(program, args, { cwd: ROOT, env: { ...environment(), ...env }, stdio: 'inherit' });
    child.once('error', (cause) => {
      stopForwarding();
      reject(new Error(`cannot run ${program}: ${cause.message}`, { cause }));
    });
    child.once('close', (code, signal) => {
      stopForwarding();
      resolve(exitStatus(code, signal));
    });
  });
}

/**
 * Passes signals on and lets the child decide how to end. A terminal's Ctrl-C has reached the child already. Begins before
 * the child does: a signal between its start and ours would end us and leave it behind.
 */
function forwardSignals(send) {
  const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  const handlers = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => {
    const handler = () => {
      if (signal !== 'SIGINT' || !onTerminal) send(signal);
    };
    process.on(signal, handler);
    return { signal, handler };
  });
  return () => {
    for (const { signal, handler } of handlers) process.off(signal, handler);
  };
}

/** As a shell counts: 128 plus the number of the signal that ended it. */
function exitStatus(code, signal) {
  return code ?? 128 + (constants.signals[signal] ?? 0);
}
