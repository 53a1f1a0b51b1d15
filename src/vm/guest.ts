/** One guest's run: its QEMU, watched from its start, or from when it was found again, to its end. */
import { join } from 'node:path';
import type { Probe } from '../api/kubevirt/v1/instance-spec.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import { ConsoleRelay } from './console/relay.ts';
import { attempt } from './probe/attempt.ts';
import { type Readiness, watchReadiness } from './probe/readiness.ts';
import { CONSOLE_SOCKET, QMP_SOCKET } from './qemu/arguments.ts';
import { findQemu, isQemu, killQemu, type QemuProcess, qemuLog, startQemu } from './qemu/process.ts';
import { QmpClient, type QmpEvent } from './qmp/client.ts';
import type { GuestPhase } from './status/desired.ts';

/** Milliseconds between attempts to reach a QEMU that has just been started, and until it is given up. */
const CONNECT_INTERVAL = 20;
const CONNECT_LIMIT = 15_000;
/** Milliseconds that QEMU gets to end itself before it is killed. */
const QUIT_LIMIT = 2000;
const CONSOLE_LINES = 5;

export interface GuestOptions {
  readonly podUID: string;
  readonly podKey: string;
  readonly mac: string;
  readonly addresses: readonly string[];
  readonly interfaceName: string;
  readonly startedAt: number;
  readonly probe: Probe | undefined;
  /** What its probe said last, for one that is found again: it stays an endpoint until its probe says otherwise. */
  readonly wasReady: boolean;
  readonly directory: string;
  /** Where people join its console. */
  readonly consolePath: string;
  readonly log: Logger;
  readonly clock: Clock;
  /** Called when `phase` or `readiness` changed. */
  readonly onChange: () => void;
}

export class Guest {
  readonly options: GuestOptions;
  readonly #console: ConsoleRelay;
  readonly #over = new AbortController();
  #phase: GuestPhase = { kind: 'starting' };
  #readiness: Readiness;
  #process: QemuProcess | undefined;
  #qmp: QmpClient | undefined;
  /** Why QEMU is about to end, once it has said so. */
  #shutdown: { readonly byGuest: boolean } | undefined;
  #stopping = false;
  #left = false;

  constructor(options: GuestOptions) {
    this.options = options;
    const { directory, consolePath, log, wasReady } = options;
    this.#readiness = { ready: wasReady, why: '', late: false };
    this.#console = new ConsoleRelay({
      source: join(directory, CONSOLE_SOCKET),
      path: consolePath,
      logFile: join(directory, 'console.log'),
      log,
    });
  }

  get phase(): GuestPhase {
    return this.#phase;
  }

  get readiness(): Readiness {
    return this.#readiness;
  }

  consoleLines(): readonly string[] {
    return this.#console.lastLines(CONSOLE_LINES);
  }

  /** Starts QEMU. Resolves when it runs or has failed, which `phase` tells. Rejects when there is no QEMU. */
  async launch(program: string, args: readonly string[]): Promise<void> {
    this.#process = await startQemu(program, args, this.options.directory);
    await this.#watch();
  }

  /** Finds the QEMU of an earlier run of this program. When it is gone, `phase` is `ended` afterwards. */
  async adopt(): Promise<void> {
    this.#process = await findQemu(this.options.directory);
    if (this.#process === undefined) this.#end('ended while the agent did not run');
    else await this.#watch();
  }

  /** Asks the guest to power off; ends it when it has not after `grace` milliseconds. Further calls change nothing. */
  powerDown(grace: number): void {
    if (this.#stopping || this.#phase.kind === 'ended') return;
    this.#stopping = true;
    void this.#powerDown(grace).catch((err: unknown) => {
      if (this.#phase.kind !== 'ended') this.options.log.error({ err, pod: this.options.podKey }, 'cannot end a guest');
    });
  }

  /** Ends the guest as a power cut does. */
  kill(): void {
    this.#stopping = true;
    if (this.#process !== undefined && this.#phase.kind !== 'ended') killQemu(this.#process.pid);
  }

  /** Lets go of the guest, which runs on, to be found again later. */
  async leave(): Promise<void> {
    this.#left = true;
    this.#over.abort();
    this.#qmp?.close();
    await this.#console.stop();
  }

  async #watch(): Promise<void> {
    const { clock, log, podKey } = this.options;
    const { exited } = this.#process as QemuProcess;
    void exited?.then((how) => this.#end(how));
    this.#qmp = await this.#connect();
    if (this.#qmp === undefined) return;
    void this.#qmp.closed.then(() => this.#qmpClosed());
    await this.#console.start();
    this.#become({ kind: 'running', startedAt: this.options.startedAt });
    log.info({ pod: podKey, pid: this.#process?.pid, after: clock.now() - this.options.startedAt }, 'the guest runs');
    const { probe, addresses, startedAt, wasReady } = this.options;
    const onChange = (readiness: Readiness) => {
      this.#readiness = readiness;
      this.options.onChange();
    };
    void watchReadiness({ probe, addresses, startedAt, wasReady, clock, attempt, onChange }, this.#over.signal);
  }

  /** QEMU opens its sockets some time after its start. Undefined when it ended instead. */
  async #connect(): Promise<QmpClient | undefined> {
    const path = join(this.options.directory, QMP_SOCKET);
    const { clock } = this.options;
    const deadline = clock.steady() + CONNECT_LIMIT;
    for (;;) {
      if (this.#phase.kind === 'ended') return undefined;
      try {
        return await QmpClient.connect(path, (event) => this.#onEvent(event));
      } catch (error) {
        if (clock.steady() >= deadline) {
          this.kill();
          throw new Error(`QEMU of ${this.options.podKey} does not answer on ${path}`, { cause: error });
        }
      }
      await clock.sleep(CONNECT_INTERVAL);
    }
  }

  #onEvent({ event, data }: QmpEvent): void {
    if (event === 'SHUTDOWN') this.#shutdown = { byGuest: data['guest'] === true };
  }

  /** The connection of a QEMU that we did not start is all that tells of its end. */
  async #qmpClosed(): Promise<void> {
    const running = this.#process;
    if (this.#left || running === undefined || running.exited !== undefined) return;
    const deadline = this.options.clock.steady() + QUIT_LIMIT;
    while (await isQemu(running.pid, this.options.directory)) {
      if (this.options.clock.steady() >= deadline) killQemu(running.pid);
      await this.options.clock.sleep(CONNECT_INTERVAL);
    }
    this.#end('has ended');
  }

  async #powerDown(grace: number): Promise<void> {
    const { clock } = this.options;
    if (grace > 0 && this.#qmp !== undefined) {
      await this.#qmp.execute('system_powerdown').catch(() => undefined);
      await clock.sleep(grace, this.#over.signal).catch(() => undefined);
    }
    if (this.#over.signal.aborted) return;
    await this.#qmp?.execute('quit', undefined, { timeout: QUIT_LIMIT }).catch(() => undefined);
    await clock.sleep(QUIT_LIMIT, this.#over.signal).catch(() => undefined);
    if (!this.#over.signal.aborted) this.kill();
  }

  #end(how: string): void {
    if (this.#phase.kind === 'ended' || this.#left) return;
    const started = this.#phase.kind === 'running';
    const { podKey, log } = this.options;
    this.#over.abort();
    this.#qmp?.close();
    const lines = this.consoleLines();
    void this.#console.stop();
    if (this.#shutdown?.byGuest === true) {
      this.#become({
        kind: 'ended',
        outcome: 'Succeeded',
        reason: 'GuestPoweredOff',
        message: 'the guest powered off',
      });
    } else if (this.#stopping) {
      this.#become({
        kind: 'ended',
        outcome: 'Failed',
        reason: 'GuestEnded',
        message: 'the guest was ended: it did not power off in its grace period',
      });
    } else {
      void this.#explain(how, started, lines).then((message) => {
        this.#become({
          kind: 'ended',
          outcome: 'Failed',
          reason: started ? 'QEMUEnded' : 'QEMUFailedToStart',
          message,
        });
      });
    }
    log.info({ pod: podKey, how }, 'the guest has ended');
  }

  async #explain(how: string, started: boolean, lines: readonly string[]): Promise<string> {
    const said = await qemuLog(this.options.directory);
    const console = started && lines.length > 0 ? ` (console: ${lines.join(' | ')})` : '';
    return `QEMU ${how}${said === '' ? '' : `: ${said}`}${console}`;
  }

  #become(phase: GuestPhase): void {
    this.#phase = phase;
    this.options.onChange();
  }
}
