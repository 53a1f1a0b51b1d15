/**
 * The API servers on one store know each other: each keeps a Lease in kube-system, as Kubernetes' servers do.
 * https://kubernetes.io/docs/concepts/architecture/leases/#api-server-identity
 */

import { randomUUID } from 'node:crypto';
import { Lease } from '../../api/coordination/v1/lease.ts';
import { milliseconds, seconds } from '../../lib/duration.ts';
import type { Api } from '../context.ts';
import { faultFields } from '../outages.ts';
import { change } from '../storage/change.ts';
import { objectKey } from '../storage/keys.ts';
import { completeChange, completeNew } from '../verbs/complete.ts';
import { birthOf } from '../verbs/create.ts';
import {
  LEASE_DURATION,
  LEASE_NAMESPACE,
  LEASE_PREFIX,
  leaseName,
  leaseOf,
  placesOf,
  printPlace,
  type ServerPlace,
} from './lease.ts';
import { forgotten, living, type Seen, see, sign } from './living.ts';

/** Between renewals, and between looks: a third of the time that a lease is good. */
const INTERVAL = milliseconds(LEASE_DURATION / 3);
/** How long leaving may take: a store that is away has forgotten us soon enough. */
const LEAVE_LIMIT = seconds(1);
/** Within this, nodes and clients have heard that a server is no endpoint any more. */
const HEARD = milliseconds(300);
/** More than there ever are. */
const SERVERS_MAX = 64;

export interface PeersOptions {
  readonly api: Api;
  /** Tells this server from the others on the store, and is the same when it starts again. */
  readonly name: string;
  /** Where this one is reached now. */
  readonly own: () => readonly ServerPlace[];
  /** Called with the URLs of all servers that live, at the first look and whenever they change. */
  readonly onChange?: (urls: readonly string[]) => void;
}

export class Peers {
  readonly #options: PeersOptions;
  readonly #lease: string;
  readonly #holder: string;
  #seen: ReadonlyMap<string, Seen> = new Map();
  #lookedAt: number | undefined;
  #told = '';
  #hasLeft = false;
  #renewing: Promise<void> = Promise.resolve();
  #apply: () => Promise<void> = async () => {};

  constructor(options: PeersOptions) {
    this.#options = options;
    this.#lease = leaseName(options.name);
    this.#holder = `${this.#lease}_${randomUUID()}`;
  }

  /** The places of every server that lives, each server's together; this one's first, unless it has left. */
  get servers(): readonly (readonly ServerPlace[])[] {
    const { own, api } = this.#options;
    const others = living(this.#seen, api.clock.steady()).filter(({ metadata }) => metadata.name !== this.#lease);
    const all = [this.#hasLeft ? [] : own(), ...others.map(placesOf)];
    return all.filter((places) => places.length > 0);
  }

  /** Whether this server comes first of all that live: for what one does for all. */
  get isFirst(): boolean {
    return living(this.#seen, this.#options.api.clock.steady()).every(
      ({ metadata }) => this.#lease <= (metadata.name ?? ''),
    );
  }

  /** Looks who is there; whether that has changed. Rejects when the store cannot be read. */
  async look(): Promise<boolean> {
    const { api, onChange } = this.#options;
    const { entries } = await api.store.list(objectKey(Lease, LEASE_NAMESPACE, LEASE_PREFIX), { limit: SERVERS_MAX });
    const leases = entries.map((entry) => api.codec.decode(entry).object as Lease);
    const now = api.clock.steady();
    this.#seen = see(this.#seen, { leases, now, before: this.#lookedAt });
    this.#lookedAt = now;
    const urls = this.servers.flat().map(printPlace);
    const told = [...urls].sort().join();
    if (told === this.#told) return false;
    this.#told = told;
    onChange?.(urls);
    return true;
  }

  /**
   * Says that this server is there, and sees who else is, until the signal is aborted or {@link leave} is called. `apply` is called
   * whenever {@link servers} has changed.
   */
  async keep(apply: () => Promise<void>, signal: AbortSignal): Promise<void> {
    this.#apply = apply;
    const { clock, log } = this.#options.api;
    let isFailing = false;
    while (!signal.aborted && !this.#hasLeft) {
      try {
        this.#renewing = this.#renew();
        await this.#renewing;
        if (await this.look()) await apply();
        for (const lease of forgotten(this.#seen, clock.steady())) await this.#forget(lease);
        isFailing = false;
      } catch (err) {
        if (!signal.aborted && !isFailing)
          log.warn(faultFields(err), 'cannot tell the other API servers that this one is there');
        isFailing = true;
      }
      await clock.sleep(INTERVAL, signal).catch(() => {}); // The loop looks at the signal.
    }
  }

  /**
   * Tells the others that this server goes. Resolves when there is another and those who are to use that one have had time to hear of it, or when
   * nobody can be told.
   */
  async leave(): Promise<void> {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    const { api } = this.#options;
    const done = new AbortController();
    const late = api.clock.sleep(LEAVE_LIMIT, done.signal).catch(() => {});
    const gone = this.#renewing
      .catch(() => {}) // Told where it was asked for.
      .then(() => this.#remove(this.#lease, () => true))
      .then(this.#apply)
      .then(() => (this.servers.length > 0 ? api.clock.sleep(HEARD, done.signal) : undefined))
      .catch((err: unknown) => api.log.debug({ err }, 'could not delete the lease of this API server'));
    await Promise.race([gone, late]);
    done.abort();
  }

  async #renew(): Promise<void> {
    const { api, own } = this.#options;
    const wanted = leaseOf(this.#lease, { holder: this.#holder, places: own(), now: api.clock.now() });
    const target = { kind: Lease, namespace: LEASE_NAMESPACE, name: this.#lease, dryRun: false };
    await change(api, target, (current) => {
      if (current === undefined) return { act: 'put', object: completeNew(Lease, wanted, birthOf(api)) };
      const old = current.object as Lease;
      const { labels, annotations } = wanted.metadata;
      const metadata = {
        ...old.metadata,
        labels: { ...old.metadata.labels, ...labels },
        annotations: { ...old.metadata.annotations, ...annotations },
      };
      const next: Lease = { ...old, metadata, spec: { ...old.spec, ...wanted.spec } };
      return { act: 'put', object: completeChange(Lease, next, old, 'object') };
    });
  }

  async #forget(lease: Lease): Promise<void> {
    const { name = '' } = lease.metadata;
    if (name !== this.#lease) await this.#remove(name, (current) => sign(current) === sign(lease));
  }

  async #remove(name: string, holds: (current: Lease) => boolean): Promise<void> {
    const { api } = this.#options;
    const key = objectKey(Lease, LEASE_NAMESPACE, name);
    const entry = await api.store.get(key);
    if (entry === undefined || !holds(api.codec.decode(entry).object as Lease)) return;
    await api.store.txn([{ key, modified: entry.modified }], [{ kind: 'delete', key }]);
  }
}
