/** The node's dnsmasq: started, told of changes, and started again when it dies. It ends with this program, however that ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { signalChild } from '../../host/process.ts';

/** Milliseconds before the first new start of one that died; doubles up to the last. */
const FIRST_RESTART = 100;
const LAST_RESTART = 30_000;
/** How much of what it says is kept to explain its death, in characters. */
const OUTPUT_LIMIT = 4096;

/** A user and group of the system, by number. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

export interface DnsmasqOptions {
  /** Whom it runs as from its first instruction on. Default: ourselves, as in a user namespace that has no other user. */
  readonly runAs?: Identity;
  readonly log: Logger;
  readonly clock: Clock;
}

export class Dnsmasq {
  readonly #options: DnsmasqOptions;
  #config: string;
  #child: ChildProcess | undefined;
  /** Its end is wanted: it is to be started again at once. */
  #renewing = false;

  constructor(options: DnsmasqOptions, config: string) {
    this.#options = options;
    this.#config = config;
  }

  /**
   * Makes it take another configuration. It is started anew, which takes 20 ms, because dnsmasq 2.90 can crash when it is told
   * to read its files again (SIGHUP) and a host that has a lease is no longer among them.
   */
  update(config: string): void {
    if (config === this.#config) return;
    this.#config = config;
    if (this.#child === undefined) return;
    this.#renewing = true;
    signalChild(this.#child, 'SIGTERM');
  }

  /** Keeps one running until the signal is aborted. Never rejects for what dnsmasq does. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, clock } = this.#options;
    let pause = FIRST_RESTART;
    while (!signal.aborted) {
      const started = clock.steady();
      const why = await this.#runOnce(signal);
      if (signal.aborted) break;
      if (this.#renewing) {
        this.#renewing = false;
        continue;
      }
      if (clock.steady() - started > LAST_RESTART) pause = FIRST_RESTART;
      log.error({ err: why, retryIn: pause }, 'dnsmasq ended: guests get no addresses until it runs again');
      await clock.sleep(pause, signal).catch(() => undefined);
      pause = Math.min(pause * 2, LAST_RESTART);
    }
  }

  /** Resolves when it has ended, with the reason. */
  #runOnce(signal: AbortSignal): Promise<Error> {
    const [file = '', ...args] = commandLine(this.#options.runAs);
    return new Promise((resolve) => {
      const child = spawn(file, args, { stdio: ['pipe', 'ignore', 'pipe'] });
      this.#child = child;
      let output = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        output = `${output}${text}`.slice(-OUTPUT_LIMIT);
      });
      // It may end before it has read everything; how it ended says why.
      child.stdin.on('error', () => {});
      child.stdin.end(this.#config);
      const end = () => signalChild(child, 'SIGTERM');
      signal.addEventListener('abort', end, { once: true });
      const done = (error: Error) => {
        signal.removeEventListener('abort', end);
        this.#child = undefined;
        resolve(error);
      };
      child.once('error', (cause) => done(new Error(`cannot run ${file} (${cause.message})`, { cause })));
      child.once('close', (code, killedBy) => done(ending(code, killedBy, output)));
    });
  }
}

/** What binds its ports, answers clients that have no address yet (ARP entries), and sends what is not quite UDP. */
const CAPABILITIES = '-all,+net_admin,+net_bind_service,+net_raw';

/**
 * Its command line; the configuration comes by standard input, so there are no files that another user would have to be able to
 * read. setpriv(1) changes the user, not dnsmasq: the kernel forgets the signal for a parent's death at such a change.
 */
export function commandLine(runAs: Identity | undefined): readonly string[] {
  const identity =
    runAs === undefined
      ? []
      : [
          ...['--reuid', String(runAs.uid), '--regid', String(runAs.gid), '--clear-groups', '--no-new-privs'],
          ...['--inh-caps', CAPABILITIES, '--ambient-caps', CAPABILITIES],
        ];
  // Whoever it is started as, it is to stay.
  const dnsmasq = ['dnsmasq', '--keep-in-foreground', '--user=root', '--group=', '--log-facility=-', '--conf-file=-'];
  return ['setpriv', ...identity, '--pdeathsig', 'SIGKILL', '--', ...dnsmasq];
}

function ending(code: number | null, killedBy: NodeJS.Signals | null, output: string): Error {
  const said = output.trim().split('\n').at(-1) ?? '';
  if (code === 127) return new Error(`${said}; install the package dnsmasq-base`);
  return new Error(`dnsmasq ${killedBy ? `was killed by ${killedBy}` : `exited with ${code}`}: ${said}`);
}
