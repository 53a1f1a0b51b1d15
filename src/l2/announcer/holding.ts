/** One address on one interface: asked for, announced, defended and, where it must be, given up. */
import { type Duration, milliseconds } from '../../lib/duration.ts';
import type { IPAddress } from '../../lib/ip.ts';
import type { Protocol, Stance } from '../frames/protocol.ts';
import type { Agenda } from './agenda.ts';
import type { Claimant, Traffic } from './announcement.ts';
import {
  DEFEND_INTERVAL,
  type Happening,
  next,
  PROBE_INTERVAL,
  PROBE_NUM,
  type Reaction,
  type Standing,
} from './conflicts.ts';
import type { L2Stats } from './stats.ts';

/** An interface that frames can be sent on now. Nothing here throws: an interface that fails is the link's affair. */
export interface Port {
  readonly mac: Uint8Array;
  readonly agenda: Agenda;
  send(frame: Uint8Array): void;
  join(group: string): void;
  leave(group: string): void;
}

export interface HoldingParts {
  readonly protocol: Protocol;
  readonly stats: L2Stats;
  /** Whether the address is answered for here has changed. */
  onChange(): void;
  /** A stranger, of this MAC, has it; or has let go of it, or it is no matter of ours any more. */
  onConflict(mac: string, state: 'begun' | 'over'): void;
}

const AT_ONCE: Duration = milliseconds(0);
/**
 * Of the first so many announcements, each is followed by a probe when none went before: whoever took over in haste finds
 * out whether a host has the address that says nothing unless it is asked. Two, since the second claim is decisive.
 */
const VERIFIED_ROUNDS = 2;

export class Holding {
  readonly ip: IPAddress;
  readonly #parts: HoldingParts;
  #standing: Standing;
  #port: Port | undefined;
  /** Which step is to be taken next; what the agenda holds of others has become void. */
  #step = 0;
  #answered = 0;
  #told = 0;
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

  get traffic(): Traffic {
    return { answered: this.#answered, told: this.#told };
  }

  /** A question for the address has been answered. */
  answered(): void {
    this.#answered++;
  }

  /** The interface can be used: begins, or begins anew. */
  open(port: Port): void {
    this.#port = port;
    this.#then(AT_ONCE, port, () => this.#begin(port));
  }

  /** The interface cannot be used any more. The caller tells of it. */
  close(): void {
    this.#step++;
    this.#port = undefined;
    this.#begun = false;
    this.#happen({ kind: 'calm' });
  }

  /** Ends it for good. */
  end(): void {
    const { protocol, onConflict } = this.#parts;
    const group = protocol.group(this.ip);
    if (group !== undefined && this.#begun) this.#port?.leave(group);
    if (this.#standing.kind === 'given-up') onConflict(this.#standing.mac, 'over');
    this.close();
  }

  /** Tells others again, if there is anything to tell. */
  reannounce(): void {
    const port = this.#port;
    if (port !== undefined && this.isAnnounced) this.#then(AT_ONCE, port, () => this.#announce(port, 0, true));
  }

  claimed(mac: string, by: Claimant): void {
    this.#happen({ kind: 'claim', mac, by });
  }

  /** Puts the next step on the agenda, in place of any other. */
  #then(after: Duration, port: Port, take: () => void): void {
    const step = ++this.#step;
    port.agenda.add(() => {
      if (step !== this.#step) return false;
      take();
      return true;
    }, after);
  }

  #begin(port: Port): void {
    const group = this.#parts.protocol.group(this.ip);
    if (group !== undefined) port.join(group);
    this.#begun = true;
    if (this.#standing.kind === 'announced') {
      this.#parts.onChange();
      this.#announce(port, 0, true);
    } else this.#ask(port, 0);
  }

  #ask(port: Port, round: number): void {
    if (round === PROBE_NUM) {
      this.#happen({ kind: 'asked' });
      return;
    }
    if (round === 0) this.#happen({ kind: 'asking' });
    this.#probe(port);
    this.#then(PROBE_INTERVAL, port, () => this.#ask(port, round + 1));
  }

  #probe(port: Port): void {
    const { protocol, stats } = this.#parts;
    port.send(protocol.question(this.ip, port.mac));
    stats.count(protocol, 'probe');
  }

  #announce(port: Port, round: number, verify: boolean): void {
    this.#say(port);
    if (verify && round < VERIFIED_ROUNDS) this.#probe(port);
    const pause = this.#parts.protocol.repeat[round];
    if (pause !== undefined) this.#then(pause, port, () => this.#announce(port, round + 1, verify));
  }

  #say(port: Port): void {
    const { protocol, stats } = this.#parts;
    for (const frame of protocol.announcement(this.ip, port.mac)) {
      port.send(frame);
      this.#told++;
      stats.count(protocol, 'announcement');
    }
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
        this.#then(DEFEND_INTERVAL, port, () => this.#ask(port, 0));
        break;
      case 'give-up':
        this.#then(DEFEND_INTERVAL, port, () => this.#ask(port, 0));
        this.#tell(this.#standing, 'begun');
        break;
      case 'take':
        this.#announce(port, 0, false);
        this.#tell(before, 'over');
    }
  }

  /** Says once more whose the address is, and remembers for a while that it had to. */
  #defend(port: Port): void {
    const { protocol, stats } = this.#parts;
    this.#say(port);
    stats.count(protocol, 'defence');
    port.agenda.add(() => {
      this.#happen({ kind: 'calm' });
      return false;
    }, DEFEND_INTERVAL);
  }

  /** Whether the address is answered for has changed; where that is a stranger's doing, who it was. */
  #tell(standing: Standing, state: 'begun' | 'over'): void {
    const { stats, protocol, onChange, onConflict } = this.#parts;
    if (state === 'begun') stats.count(protocol, 'conflict');
    if (standing.kind === 'given-up') onConflict(standing.mac, state);
    onChange();
  }
}
