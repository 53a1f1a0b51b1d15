/**
 * All that this node forwards, for every Service, kept so that a change of one costs nothing for the others. It knows
 * who has which frontend and hands out what changed; what that means for a kernel is its mode's to say.
 */
import { familyOf, type IPAddress, type IPFamily, printIP } from '../../lib/ip.ts';
import type { Changes, Forwarded, FrontendChange, OwnedFrontend, Recall } from '../mode.ts';
import { CountedSet } from './counted-set.ts';
import type { Forwarding, Frontend } from './forwarding.ts';
import { assignSlots } from './slots.ts';

export class ForwardingTable implements Forwarded {
  readonly #families: ReadonlySet<IPFamily>;
  readonly #forwardings = new Map<string, Forwarding>();
  /** Services that want a frontend key, the one that has it first. Nearly always one. */
  readonly #claims = new Map<string, readonly string[]>();
  readonly #virtualAddresses = new CountedSet<string>((ip) => ip);
  readonly #nodeAddresses = new CountedSet<IPAddress>(printIP);
  #recall: Recall | undefined;
  /** Frontends that changed since the last {@link takeChanges}, by key. */
  #changed = new Map<string, FrontendChange>();

  /** Frontends of other families are left out. */
  constructor(families: Iterable<IPFamily>) {
    this.#families = new Set(families);
  }

  /** How endpoints are given slots in which nothing is known here; undefined: as they come. */
  recallBy(recall: Recall | undefined): void {
    this.#recall = recall;
  }

  get(service: string): Forwarding | undefined {
    return this.#forwardings.get(service);
  }

  /** The Service that has a frontend: see `frontendKey`. */
  serviceOf(key: string): string | undefined {
    return this.#owned(key)?.service;
  }

  /** Puts what is wanted for a Service in place of what was; undefined: nothing any more. Endpoints keep their slots. */
  set(service: string, wanted: Forwarding | undefined): void {
    const before = this.#forwardings.get(service);
    const after = wanted && this.#withSlots(before, wanted);
    const keys = new Set([...(before?.frontends.keys() ?? []), ...(after?.frontends.keys() ?? [])]);
    const owned = [...keys].map((key) => ({ key, had: this.#owned(key) }));
    if (after === undefined) this.#forwardings.delete(service);
    else this.#forwardings.set(service, after);
    for (const { key, had } of owned) {
      this.#claim(key, service, after?.frontends.has(key) ?? false);
      this.#note(key, had, this.#owned(key));
    }
    for (const ip of after?.virtualAddresses ?? []) if (this.#serves(ip)) this.#virtualAddresses.add(ip);
    for (const ip of before?.virtualAddresses ?? []) if (this.#serves(ip)) this.#virtualAddresses.remove(ip);
  }

  /** The addresses at which node ports are served. */
  setNodeAddresses(addresses: readonly IPAddress[]): void {
    const wanted = addresses.filter(({ family }) => this.#families.has(family));
    const before = [...this.#nodeAddresses];
    for (const ip of wanted) this.#nodeAddresses.add(ip);
    for (const ip of before) this.#nodeAddresses.remove(ip);
  }

  /** What changed since the last time. */
  takeChanges(): Changes {
    const frontends = [...this.#changed.values()].filter(({ before, after }) => before !== after);
    this.#changed = new Map();
    return {
      frontends,
      virtualAddresses: this.#virtualAddresses.take(),
      nodeAddresses: this.#nodeAddresses.take(),
    };
  }

  *frontends(): Iterable<OwnedFrontend> {
    for (const key of this.#claims.keys()) {
      const owned = this.#owned(key);
      if (owned !== undefined) yield owned;
    }
  }

  virtualAddresses(): Iterable<string> {
    return this.#virtualAddresses;
  }

  nodeAddresses(): Iterable<IPAddress> {
    return this.#nodeAddresses;
  }

  #serves(ip: string): boolean {
    const family = familyOf(ip);
    return family !== undefined && this.#families.has(family);
  }

  #withSlots(before: Forwarding | undefined, wanted: Forwarding): Forwarding {
    const frontends = new Map<string, Frontend>();
    for (const [key, frontend] of wanted.frontends) {
      if (!this.#families.has(frontend.family)) continue;
      const previous = before?.frontends.get(key)?.endpoints ?? this.#recall?.(frontend) ?? [];
      frontends.set(key, { ...frontend, endpoints: assignSlots(previous, frontend.endpoints) });
    }
    return { ...wanted, frontends };
  }

  /** The frontend that a key leads to: that of the Service that has it. */
  #owned(key: string): OwnedFrontend | undefined {
    const service = this.#claims.get(key)?.[0];
    const frontend = service === undefined ? undefined : this.#forwardings.get(service)?.frontends.get(key);
    return service === undefined || frontend === undefined ? undefined : { service, key, frontend };
  }

  #claim(key: string, service: string, wants: boolean): void {
    const others = (this.#claims.get(key) ?? []).filter((other) => other !== service);
    const owners = wants ? [...others, service] : others;
    if (owners.length > 1) owners.sort((a, b) => (this.#rank(a) < this.#rank(b) ? -1 : 1));
    if (owners.length === 0) this.#claims.delete(key);
    else this.#claims.set(key, owners);
  }

  #rank(service: string): string {
    return this.#forwardings.get(service)?.rank ?? '';
  }

  #note(key: string, had: OwnedFrontend | undefined, has: OwnedFrontend | undefined): void {
    const earlier = this.#changed.get(key);
    const before = earlier === undefined ? had?.frontend : earlier.before;
    const service = has?.service ?? had?.service ?? earlier?.service;
    if (service !== undefined) this.#changed.set(key, { service, key, before, after: has?.frontend });
  }
}
