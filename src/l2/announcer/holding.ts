/** One address on one interface: asked for, announced, defended and, where it must be, given up. */
import type { Clock } from '../../host/clock.ts';
import type { Duration } from '../../lib/duration.ts';
import type { IPAddress } from '../../lib/ip.ts';
import type { Protocol, Stance } from '../frames/protocol.ts';
import type { Claimant } from './announcement.ts';
import {
  DEFEND_INTERVAL,
  type Happening,
  next,
  PROBE_INTERVAL,
  PROBE_NUM,
  type Reaction,
  type Standing,
} from './conflicts.ts';
import type { Pacer } from './pacer.ts';
import type { L2Stats } from './stats.ts';

/** An interface that frames can be sent on now. Nothing here throws: an interface that fails is the link's affair. */
export interface Port {
  readonly mac: Uint8Array;
  send(frame: Uint8Array): void;
  join(group: string): void;
  leave(group: string): void;
}

export interface HoldingParts {
  readonly protocol: Protocol;
  readonly pacer: Pacer;
  readonly clock: Clock;
  readonly stats: L2Stats;
  /** Whether the address is answered for here has changed. */
  onChange(): void;
  /** A stranger, of this MAC, has it; or has let go of it, or it is no matter of ours any more. */
  onConflict(mac: string, state: 'begun' | 'over'): void;
}

/** Why tasks end: one for all, since an exception made for each would cost more than what it ends. */
const ENDED = 'ended';

export class Holding {
  readonly ip: IPAddress;
  readonly #parts: HoldingParts;
  #standing: Standing;
  #port: Port | undefined;
  /** Ends what is being done: probing, announcing or waiting. */
  #task = new AbortController();
  readonly #ended = new AbortController();
  /** Whether the address has had its turn since the interface was opened. */
  #begun = false;

  constructor(ip: IPAddress, probe: boolean, parts: HoldingParts) {
    this.ip = ip;
    this.#parts = parts;
    this.#standing = probe ? { kind: 'probing' } : { kind: 'announced', defended: false };
  }

  get stance(): Stance {
    return this.#standing.kind === 'announced' ? 'answers' : 'probes';
  }

  /** Whether questions are answered, and others have been told or are about to be. */
  get isAnnounced(): boolean {
    return this.#begun && this.#standing.kind === 'announced';
  }

  /** The interface can be used: begins, or begins anew. */
  open(port: Port): void {
    this.#port = port;
    this.#start(async (signal) => {
      await this.#parts.pacer.turn();
      if (signal.aborted) return;
      const group = this.#parts.protocol.group(this.ip);
      if (group !== undefined) port.join(group);
      this.#begun = true;
      if (this.#standing.kind !== 'announced') return this.#ask(port, signal);
      this.#parts.onChange();
      await this.#announce(port, signal);
    });
  }

  /** The interface cannot be used any more. The caller tells of it. */
  close(): void {
    this.#task.abort(ENDED);
    this.#port = undefined;
    this.#begun = false;
  }

  /** Ends it for good. */
  end(): void {
    const { protocol, onConflict } = this.#parts;
    const group = protocol.group(this.ip);
    if (group !== undefined && this.#begun) this.#port?.leave(group);
    if (this.#standing.kind === 'given-up') onConflict(this.#standing.mac, 'over');
    this.close();
    this.#ended.abort(ENDED);
  }

  /** Tells others again, if there is anything to tell. */
  reannounce(): void {
    const port = this.#port;
    if (port === undefined || !this.isAnnounced) return;
    this.#start(async (signal) => {
      await this.#parts.pacer.turn();
      await this.#announce(port, signal);
    });
  }

  claimed(mac: string, by: Claimant): void {
    this.#happen({ kind: 'claim', mac, by });
  }

  #start(task: (signal: AbortSignal) => Promise<void>): void {
    this.#task.abort(ENDED);
    this.#task = new AbortController();
    void task(this.#task.signal);
  }

  #happen(happening: Happening): void {
    const before = this.#standing;
    const { standing, reaction } = next(before, happening);
    this.#standing = standing;
    const port = this.#port;
    if (port !== undefined) this.#react(reaction, before, port);
  }

  #react(reaction: Reaction, before: Standing, port: Port): void {
    switch (reaction) {
      case 'none':
        break;
      case 'defend':
        this.#defend(port);
        break;
      case 'ask-later':
        this.#start((signal) => this.#askLater(port, signal));
        break;
      case 'give-up':
        this.#start((signal) => this.#askLater(port, signal));
        this.#tell(this.#standing, 'begun');
        break;
      case 'take':
        this.#start((signal) => this.#announce(port, signal));
        this.#tell(before, 'over');
    }
  }

  /** Whether the address is answered for has changed; where that is a stranger's doing, who it was. */
  #tell(standing: Standing, state: 'begun' | 'over'): void {
    const { stats, protocol, onChange, onConflict } = this.#parts;
    if (state === 'begun') stats.count(protocol, 'conflict');
    if (standing.kind === 'given-up') onConflict(standing.mac, state);
    onChange();
  }

  /** Says once more whose the address is, and remembers for a while that it had to. */
  #defend(port: Port): void {
    this.#say(port);
    this.#parts.stats.count(this.#parts.protocol, 'defence');
    const { signal } = this.#ended;
    void this.#pause(DEFEND_INTERVAL, signal).then(() => signal.aborted || this.#happen({ kind: 'calm' }));
  }

  async #askLater(port: Port, signal: AbortSignal): Promise<void> {
    await this.#pause(DEFEND_INTERVAL, signal);
    await this.#parts.pacer.turn();
    if (!signal.aborted) await this.#ask(port, signal);
  }

  async #ask(port: Port, signal: AbortSignal): Promise<void> {
    const { protocol, stats } = this.#parts;
    this.#happen({ kind: 'asking' });
    for (let i = 0; i < PROBE_NUM; i++) {
      port.send(protocol.question(this.ip, port.mac));
      stats.count(protocol, 'probe');
      await this.#pause(PROBE_INTERVAL, signal);
      if (signal.aborted) return;
    }
    this.#happen({ kind: 'asked' });
  }

  async #announce(port: Port, signal: AbortSignal): Promise<void> {
    for (const [i, before] of this.#parts.protocol.repeat.entries()) {
      if (before > 0) await this.#pause(before, signal);
      // What came here has had its turn.
      if (i > 0) await this.#parts.pacer.turn();
      if (signal.aborted) return;
      this.#say(port);
    }
  }

  #say(port: Port): void {
    const { protocol, stats } = this.#parts;
    for (const frame of protocol.announcement(this.ip, port.mac)) {
      port.send(frame);
      stats.count(protocol, 'announcement');
    }
  }

  /** Waits; a signal ends it early, and is for the caller to look at. */
  #pause(duration: Duration, signal?: AbortSignal): Promise<void> {
    return this.#parts.clock.sleep(duration, signal).catch(() => {});
  }
}
