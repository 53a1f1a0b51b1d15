/** The node's heartbeat: a Lease that is renewed. https://kubernetes.io/docs/concepts/architecture/leases/#node-heart-beats */
import { randomUUID } from 'node:crypto';
import { Lease } from '../api/coordination/v1/lease.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../api/status.ts';
import type { Client } from '../client/client.ts';
import type { Clock } from '../host/clock.ts';
import { findLease, NODE_LEASES } from './claim.ts';
import { isEarlier, type Mark, parseMark, printMark, RUN } from './mark.ts';

/** Other runs that are remembered: there are two machines, or a handful. */
const MAX_HEARD = 16;
/** Attempts of one renewal while others write the lease at the same moments. */
const ATTEMPTS = 3;

export interface LeaseOwner {
  readonly name: string;
  readonly uid: string;
}

export interface NodeLeaseParts {
  readonly client: Client;
  /** Milliseconds for which a renewal is good. */
  readonly duration: number;
  /** Whether the lease says whose run renews it, so that a second machine with the same agent's state is noticed. */
  readonly isMarked: boolean;
  readonly clock: Clock;
}

/**
 * `shared`: another machine that has this agent's state came later and renewed the lease; it has been taken back, and that one finds out.
 * `lost`: another that came earlier renews it again and again; it was left as it is.
 */
export type Renewal = 'renewed' | 'shared' | 'lost';

/**
 * The lease as one run of the agent renews it. Each renewal is one request, on condition that nobody wrote the lease since the last; only
 * when somebody did is it read, and its mark says who.
 */
export class NodeLease {
  readonly #parts: NodeLeaseParts;
  readonly #run = randomUUID();
  /** Undefined until the lease was read first. */
  #term: number | undefined;
  /** The resourceVersion of the last answer; undefined: it has to be read. */
  #version: string | undefined;
  /** Other runs, and the renewTime that each was last seen with, in milliseconds by its own clock. */
  readonly #heard = new Map<string, number>();
  /** The last renewal, by both clocks: the steady one stands still while a machine is suspended. */
  #renewed = { steady: 0, wall: 0 };

  constructor(parts: NodeLeaseParts) {
    this.#parts = parts;
  }

  /** Renews the lease, making it if there is none. Nothing is written once the signal is aborted. */
  async renew(owner: LeaseOwner, signal: AbortSignal): Promise<Renewal> {
    let outcome: Renewal = 'renewed';
    for (let attempt = 1; ; attempt++) {
      try {
        if (this.#parts.isMarked && this.#version === undefined) {
          const found = await this.#look(owner.name);
          if (found === 'lost') return found;
          if (found === 'shared') outcome = found;
        }
        signal.throwIfAborted();
        await this.#write(owner);
        return outcome;
      } catch (error) {
        this.#version = undefined;
        if (attempt === ATTEMPTS || !(isConflict(error) || isAlreadyExists(error))) throw error;
      }
    }
  }

  /** Reads whose the lease is. A run that is new, or was silent for too long, comes after all others. */
  async #look(name: string): Promise<Renewal> {
    const lease = await findLease(this.#parts.client, name);
    this.#version = lease?.metadata.resourceVersion;
    const mark = parseMark(lease?.metadata.annotations?.[RUN]);
    const own = this.#mark();
    if (mark === undefined || mark.run === this.#run) {
      this.#term ??= 1;
      return 'renewed';
    }
    const isAlive = this.#hear(mark.run, Date.parse(lease?.spec?.renewTime ?? ''));
    if (own === undefined || this.#wasSilent()) {
      this.#term = mark.term + 1;
      return 'renewed';
    }
    if (!isEarlier(mark, own)) return 'shared';
    return isAlive ? 'lost' : 'renewed';
  }

  /** Whether a run has renewed since it was heard of. What is found once may be of a backup that was restored, and that run long over. */
  #hear(run: string, renewTime: number): boolean {
    const before = this.#heard.get(run);
    if (this.#heard.size >= MAX_HEARD) this.#heard.clear();
    this.#heard.set(run, renewTime);
    return before !== undefined && renewTime > before;
  }

  #mark(): Mark | undefined {
    return this.#term === undefined ? undefined : { term: this.#term, run: this.#run };
  }

  #wasSilent(): boolean {
    const { clock, duration } = this.#parts;
    return Math.max(clock.steady() - this.#renewed.steady, clock.now() - this.#renewed.wall) > duration;
  }

  async #write(owner: LeaseOwner): Promise<void> {
    const { client, clock, duration } = this.#parts;
    const now = { steady: clock.steady(), wall: clock.now() };
    const spec = {
      holderIdentity: owner.name,
      leaseDurationSeconds: Math.round(duration / 1000),
      // A metav1.MicroTime.
      renewTime: new Date(now.wall).toISOString().replace(/(\.\d{3})Z$/, '$1000Z'),
    };
    const mark = this.#mark();
    const annotations = mark === undefined ? undefined : { [RUN]: printMark(mark) };
    const resourceVersion = this.#version;
    const metadata = annotations && { annotations, ...(resourceVersion !== undefined && { resourceVersion }) };
    const body = { ...(metadata && { metadata }), spec };
    const key = { namespace: NODE_LEASES, name: owner.name };
    const written = await client.patch(Lease, key, { type: 'merge', body }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
      return client.create(Lease, newLease(owner, spec, annotations));
    });
    this.#version = written.metadata.resourceVersion;
    this.#renewed = now;
  }
}

/** Owned by the Node, so that it goes with it. */
function newLease(
  { name, uid }: LeaseOwner,
  spec: NonNullable<Lease['spec']>,
  annotations: Readonly<Record<string, string>> | undefined,
): Lease {
  const ownerReferences = [{ apiVersion: 'v1', kind: 'Node', name, uid }];
  return {
    apiVersion: Lease.apiVersion,
    kind: Lease.kind,
    metadata: { name, namespace: NODE_LEASES, ownerReferences, ...(annotations && { annotations }) },
    spec,
  };
}
