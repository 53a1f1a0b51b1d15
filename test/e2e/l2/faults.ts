/** What goes wrong on a lab's LAN, at its switch: cables, nodes that stand still, and nodes that cannot hear each other. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { runCommand } from '../../../src/host/process.ts';
import { labExec, labStatus } from '../../../src/lab/lab.ts';

/** Frames between ports of the switch, named by `IN . OUT`, that it loses. */
const RULES = `
table bridge faults {
  set cut { type ifname . ifname; }
  chain forward {
    type filter hook forward priority 0;
    iifname . oifname @cut drop
  }
}
`;

export class Faults {
  readonly #dir: string;
  readonly #ip: ChildProcess;
  /** `ip` sets a port's state, too, but the kernel sets it back at once. */
  readonly #bridge: ChildProcess;

  private constructor(dir: string) {
    this.#dir = dir;
    this.#ip = batch(dir, 'ip');
    this.#bridge = batch(dir, 'bridge');
  }

  static async open(dir: string): Promise<Faults> {
    const { argv, env } = labExec(dir, 'lan', ['nft', '-f', '-']);
    await runCommand(argv, { env, input: RULES });
    return new Faults(dir);
  }

  /** Pulls the cable of a place out of the switch: no carrier at either end. */
  unplug(place: string): void {
    this.#ip.stdin?.write(`link set dev ${place} down\n`);
  }

  plug(place: string): void {
    this.#ip.stdin?.write(`link set dev ${place} up\n`);
  }

  /**
   * A machine that stands still: its processes are stopped, and nothing passes its port of the switch, although the cable
   * is in and its link is up.
   */
  freeze(place: string): void {
    this.#bridge.stdin?.write(`link set dev ${place} state 0\n`);
    this.#signal(place, 'SIGSTOP');
  }

  thaw(place: string): void {
    this.#bridge.stdin?.write(`link set dev ${place} state 3\n`);
    this.#signal(place, 'SIGCONT');
  }

  /** From now on nothing that comes from one of `from` reaches one of `to`: both ways, or that way only. */
  async cut(from: readonly string[], to: readonly string[], ways: 'both' | 'one' = 'both'): Promise<void> {
    const there = from.flatMap((a) => to.map((b) => `"${a}" . "${b}"`));
    const back = ways === 'one' ? [] : from.flatMap((a) => to.map((b) => `"${b}" . "${a}"`));
    await this.#nft(`add element bridge faults cut { ${[...there, ...back].join(', ')} }`);
  }

  /** Undoes every {@link cut}. */
  async heal(): Promise<void> {
    await this.#nft('flush set bridge faults cut');
  }

  async close(): Promise<void> {
    const programs = [this.#ip, this.#bridge];
    const ended = Promise.all(programs.map((program) => once(program, 'exit')));
    for (const { stdin } of programs) stdin?.end();
    await ended;
  }

  async #nft(command: string): Promise<void> {
    const { argv, env } = labExec(this.#dir, 'lan', ['nft', command]);
    await runCommand(argv, { env });
  }

  #signal(place: string, signal: NodeJS.Signals): void {
    const holder = labStatus(this.#dir).places.find(({ name }) => name === place)?.pid;
    if (holder === undefined) throw new Error(`there is no process at ${place}`);
    for (const pid of processesAt(holder)) if (pid !== holder) process.kill(pid, signal);
  }
}

/** A program that takes commands as they come: starting one for each would take longer than what is measured. */
function batch(dir: string, name: 'ip' | 'bridge'): ChildProcess {
  const { argv } = labExec(dir, 'lan', [name, '-force', '-batch', '-']);
  const [program = '', ...args] = argv;
  return spawn(program, args, { stdio: ['pipe', 'ignore', 'inherit'] });
}

/** The processes of a network namespace, given one of them. */
function processesAt(holder: number): readonly number[] {
  const namespace = networkOf(holder);
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && networkOf(pid) === namespace);
}

function networkOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch (error) {
    // It has ended, or belongs to somebody else.
    if (error instanceof Error && 'code' in error && ['ENOENT', 'EACCES'].includes(String(error.code)))
      return undefined;
    throw error;
  }
}
