/** The node's dnsmasq: started, told of changes, and started again when it dies. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import type { DhcpFiles } from './config.ts';

/** Milliseconds before the first new start of one that died; doubles up to the last. */
const FIRST_RESTART = 100;
const LAST_RESTART = 30_000;
/** How much of what it says is kept to explain its death, in characters. */
const OUTPUT_LIMIT = 4096;

export interface DnsmasqOptions {
  /** Holds its files; only the caller's user may read it. */
  readonly directory: string;
  readonly log: Logger;
  readonly clock: Clock;
}

export class Dnsmasq {
  readonly #options: DnsmasqOptions;
  #files: DhcpFiles | undefined;
  #child: ChildProcess | undefined;
  /** Its end is wanted: it is to be started again at once. */
  #renewing = false;

  constructor(options: DnsmasqOptions) {
    this.#options = options;
  }

  /** Writes its files, and ends the one that an earlier run may have left. */
  async prepare(files: DhcpFiles): Promise<void> {
    await mkdir(this.#options.directory, { recursive: true, mode: 0o700 });
    await endDnsmasq(this.#options.directory);
    await this.#write(files);
  }

  /**
   * Makes it take changed files. It is started anew, which takes 20 ms, because dnsmasq 2.90 can crash when it is told to read
   * its files again (SIGHUP) and a host that has a lease is no longer among them.
   */
  async update(files: DhcpFiles): Promise<void> {
    const before = this.#files;
    if (before?.hosts === files.hosts && before.options === files.options) return;
    await this.#write(files);
    this.#renewing = true;
    this.#child?.kill('SIGTERM');
  }

  /** Keeps one running until the signal is aborted. Never rejects for what dnsmasq does. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, clock, directory } = this.#options;
    let pause = FIRST_RESTART;
    while (!signal.aborted) {
      const started = clock.now();
      const why = await this.#runOnce(signal);
      if (signal.aborted) break;
      if (this.#renewing) {
        this.#renewing = false;
        continue;
      }
      if (clock.now() - started > LAST_RESTART) pause = FIRST_RESTART;
      log.error({ err: why, retryIn: pause }, 'dnsmasq ended: guests get no addresses until it runs again');
      await clock.sleep(pause, signal).catch(() => undefined);
      pause = Math.min(pause * 2, LAST_RESTART);
    }
    await rm(join(directory, 'pid'), { force: true });
  }

  /** Resolves when it has ended, with the reason. */
  #runOnce(signal: AbortSignal): Promise<Error> {
    const config = join(this.#options.directory, 'dnsmasq.conf');
    return new Promise((resolve) => {
      // Its files are readable for our user only, so it stays that user. In a user namespace there is no other.
      const child = spawn(
        'dnsmasq',
        ['--keep-in-foreground', '--user=root', '--group=', '--log-facility=-', `--conf-file=${config}`],
        {
          stdio: ['ignore', 'ignore', 'pipe'],
        },
      );
      this.#child = child;
      let output = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        output = `${output}${text}`.slice(-OUTPUT_LIMIT);
      });
      const end = () => child.kill('SIGTERM');
      signal.addEventListener('abort', end, { once: true });
      const done = (error: Error) => {
        signal.removeEventListener('abort', end);
        this.#child = undefined;
        resolve(error);
      };
      child.once('spawn', () => void this.#rememberPid(child.pid));
      child.once('error', (cause) =>
        done(new Error(`cannot run dnsmasq (${cause.message}); install the package dnsmasq-base`, { cause })),
      );
      child.once('close', (code, killedBy) =>
        done(
          new Error(
            `dnsmasq ${killedBy ? `was killed by ${killedBy}` : `exited with ${code}`}: ${output.trim().split('\n').at(-1) ?? ''}`,
          ),
        ),
      );
    });
  }

  async #rememberPid(pid: number | undefined): Promise<void> {
    await writeFile(join(this.#options.directory, 'pid'), `${pid}\n`, { mode: 0o600 }).catch((err: unknown) => {
      this.#options.log.warn({ err }, 'cannot write the pid of dnsmasq');
    });
  }

  async #write(files: DhcpFiles): Promise<void> {
    const { directory } = this.#options;
    for (const [name, text] of [
      ['dnsmasq.conf', files.config],
      ['hosts', files.hosts],
      ['options', files.options],
    ] as const) {
      await writeFile(join(directory, `${name}.tmp`), text, { mode: 0o600 });
      await rename(join(directory, `${name}.tmp`), join(directory, name));
    }
    this.#files = files;
  }
}

/** Ends the dnsmasq that an earlier run left in this directory, if there is one. */
export async function endDnsmasq(directory: string): Promise<void> {
  const text = await readFile(join(directory, 'pid'), 'utf8').catch(() => '');
  const pid = Number.parseInt(text, 10);
  if (!Number.isInteger(pid) || pid <= 1) return;
  // The number may be another process's by now.
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  if (commandLine.includes(`--conf-file=${join(directory, 'dnsmasq.conf')}\0`)) {
    try {
      process.kill(pid, 'SIGTERM');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  await rm(join(directory, 'pid'), { force: true });
}
