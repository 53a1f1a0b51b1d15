/** QEMU processes: started so that they outlive this program, and found again by it. */
import { spawn } from 'node:child_process';
import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../lib/errors.ts';
import { PID_FILE } from './arguments.ts';

const LOG_FILE = 'qemu.log';
/** How much of what QEMU said is read back, in bytes. */
const LOG_LIMIT = 4096;

export interface QemuProcess {
  readonly pid: number;
  /** Resolves when it is gone, with how it went; undefined where this program did not start it. Never rejects. */
  readonly exited: Promise<string> | undefined;
}

/** QEMU could not be started at all. */
export class QemuMissing extends Error {
  constructor(program: string, options: { cause: unknown }) {
    super(
      `cannot run ${program}; install QEMU: apt-get install ${program.endsWith('aarch64') ? 'qemu-system-arm' : 'qemu-system-x86'}`,
      options,
    );
    this.name = 'QemuMissing';
  }
}

/** Starts QEMU in the guest's directory, in a session of its own, so that neither our end nor Ctrl-C ends it. */
export async function startQemu(program: string, args: readonly string[], directory: string): Promise<QemuProcess> {
  const log = await open(join(directory, LOG_FILE), 'w', 0o600);
  try {
    return await new Promise<QemuProcess>((resolve, reject) => {
      const child = spawn(program, args, {
        cwd: directory,
        detached: true,
        stdio: ['ignore', log.fd, log.fd],
        env: { PATH: process.env['PATH'] ?? '' },
      });
      const exited = new Promise<string>((done) => {
        child.once('exit', (code, signal) => done(signal === null ? `exited with ${code}` : `was killed by ${signal}`));
      });
      child.once('error', (cause) => reject(new QemuMissing(program, { cause })));
      child.once('spawn', () => {
        child.unref();
        resolve({ pid: child.pid ?? 0, exited });
      });
    });
  } finally {
    await log.close();
  }
}

/** The QEMU that an earlier run started in this directory, if it still runs. */
export async function findQemu(directory: string): Promise<QemuProcess | undefined> {
  const pid = Number.parseInt(await readFile(join(directory, PID_FILE), 'utf8').catch(() => ''), 10);
  const candidates = Number.isInteger(pid) ? [pid] : await allProcesses();
  for (const each of candidates) if (await isQemu(each, directory)) return { pid: each, exited: undefined };
  return undefined;
}

/** QEMU writes its number some time after its start, in which the program that started it may have been killed. */
async function allProcesses(): Promise<readonly number[]> {
  return (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
}

/** Whether the process is the QEMU of this directory: the number alone may be another process's by now. */
export async function isQemu(pid: number, directory: string): Promise<boolean> {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return commandLine.includes(`\0${join(directory, PID_FILE)}\0`);
}

/** Ends it at once, as a power cut. */
export function killQemu(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

/** The end of what QEMU said. */
export async function qemuLog(directory: string): Promise<string> {
  const text = await readFile(join(directory, LOG_FILE), 'utf8').catch(() => '');
  return text.slice(-LOG_LIMIT).trim();
}
