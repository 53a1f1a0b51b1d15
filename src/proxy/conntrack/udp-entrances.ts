/**
 * Which UDP flows are stale: connection tracking would keep sending them to where their entrance no longer leads. A TCP
 * client notices and connects anew; a UDP client that keeps sending keeps its flow alive, so the flow has to be forgotten.
 * Kubernetes does so for UDP and nothing else: https://kubernetes.io/docs/reference/networking/virtual-ips/
 */
import { type IPFamily, printIP } from '../../lib/ip.ts';
import type { Flow, FlowFilter } from '../../netfilter/conntrack/conntrack.ts';
import { type Audience, endpointKey, type Frontend } from '../forwarding/forwarding.ts';
import type { Changes, Forwarded, FrontendChange } from '../mode.ts';

/** An entrance that led elsewhere before, or nowhere. */
export interface Suspect {
  readonly family: IPFamily;
  /** Absent for a node port. */
  readonly address?: string;
  readonly port: number;
  /** Endpoints that it has lost. */
  readonly lost: ReadonlySet<string>;
}

export type Suspects = ReadonlyMap<string, Suspect>;

/** The frontends of one entrance, as the kernel has them. */
type Served = ReadonlyMap<Audience, Frontend>;

export class UDPEntrances {
  #served = new Map<string, Served>();
  #nodeAddresses = new Set<string>();
  #suspects = new Map<string, Suspect>();
  /** The endpoints of a frontend that flows may lead to, once they were asked for. */
  readonly #known = new WeakMap<Frontend, ReadonlySet<string>>();

  /** The kernel has been given all of this in place of what it had. Whatever it did until then, no entrance is above suspicion. */
  load(everything: Forwarded): void {
    const before = this.#served;
    this.#served = new Map();
    this.#nodeAddresses = new Set([...everything.nodeAddresses()].map(printIP));
    for (const { frontend } of everything.frontends()) {
      if (frontend.protocol === 'udp') this.#put(frontend, frontend);
    }
    for (const [key, frontends] of before) {
      const now = this.#served.get(key);
      for (const [audience, frontend] of frontends)
        this.#suspect(frontend, lostEndpoints(frontend, now?.get(audience)));
    }
    for (const frontends of this.#served.values()) for (const one of frontends.values()) this.#suspect(one, []);
  }

  /** The kernel has been given these changes. */
  change({ frontends, nodeAddresses }: Changes): void {
    for (const change of frontends) this.#change(change);
    for (const ip of nodeAddresses.removed) this.#nodeAddresses.delete(printIP(ip));
    for (const ip of nodeAddresses.added) this.#nodeAddresses.add(printIP(ip));
    if (nodeAddresses.added.length === 0) return;
    for (const frontends of this.#served.values()) {
      for (const one of frontends.values()) if (one.entrance.kind === 'node-port') this.#suspect(one, []);
    }
  }

  /** Whether there are flows to look at. */
  get suspicious(): boolean {
    return this.#suspects.size > 0;
  }

  /** The entrances whose flows are to be looked at, each told once. */
  takeSuspects(): Suspects {
    const suspects = this.#suspects;
    this.#suspects = new Map();
    return suspects;
  }

  /** Tells them again: they could not be looked at. */
  putBack(suspects: Suspects): void {
    for (const { lost, ...suspect } of suspects.values()) this.#add(suspect, lost);
  }

  /** Whether a flow came by one of the suspects and leads to where its entrance, as it is now, does not. */
  isStale(flow: Flow, suspects: Suspects): boolean {
    if (flow.zone !== 0) return false;
    const keys = this.#keysOf(flow);
    const suspected = keys.map((key) => suspects.get(key)).filter((suspect) => suspect !== undefined);
    if (suspected.length === 0) return false;
    const endpoint = endpointKey({ ip: flow.reply.saddr, port: flow.reply.sport });
    const served = keys.map((key) => this.#served.get(key)).find((frontends) => frontends !== undefined);
    if (served !== undefined) return ![...served.values()].some((frontend) => this.#leadsTo(frontend).has(endpoint));
    return suspected.some(({ lost }) => lost.has(endpoint));
  }

  /** A flow to a port of a node's address came by the Service that has that very address, or else by the node port. */
  #keysOf({ family, original }: Flow): readonly string[] {
    const { daddr: address, dport: port } = original;
    const byAddress = entranceKey({ family, address, port });
    return this.#nodeAddresses.has(address) ? [byAddress, entranceKey({ family, port })] : [byAddress];
  }

  #change({ before, after }: FrontendChange): void {
    const frontend = after ?? before;
    if (frontend === undefined || frontend.protocol !== 'udp') return;
    this.#put(frontend, after);
    const lost = lostEndpoints(before, after);
    const fromNothing = after !== undefined && (before === undefined || before.endpoints.length === 0);
    if (lost.length > 0 || fromNothing) this.#suspect(frontend, lost);
  }

  #put(entrance: Frontend, frontend: Frontend | undefined): void {
    const key = keyOf(entrance);
    const frontends = new Map(this.#served.get(key));
    if (frontend === undefined) frontends.delete(entrance.audience);
    else frontends.set(entrance.audience, frontend);
    if (frontends.size === 0) this.#served.delete(key);
    else this.#served.set(key, frontends);
  }

  #suspect({ family, entrance, port }: Frontend, lost: Iterable<string>): void {
    this.#add({ family, port, ...(entrance.kind === 'address' ? { address: entrance.ip } : {}) }, lost);
  }

  #add(suspect: Omit<Suspect, 'lost'>, lost: Iterable<string>): void {
    const key = entranceKey(suspect);
    this.#suspects.set(key, { ...suspect, lost: new Set([...(this.#suspects.get(key)?.lost ?? []), ...lost]) });
  }

  #leadsTo(frontend: Frontend): ReadonlySet<string> {
    const known = this.#known.get(frontend) ?? leadsTo(frontend);
    this.#known.set(frontend, known);
    return known;
  }
}

/** Looks at the kernel's flows for ports one by one; with more ports, one look at all UDP flows costs less. */
const MAX_FILTERS = 4;

/** What to ask the kernel for, so that it tells all flows of these suspects, all of one family, and few others. */
export function filtersFor(family: IPFamily, suspects: Iterable<Suspect>): readonly FlowFilter[] {
  const addressesOf = new Map<number, Set<string | undefined>>();
  for (const { address, port } of suspects) {
    const addresses = addressesOf.get(port) ?? new Set();
    addressesOf.set(port, addresses.add(address));
  }
  if (addressesOf.size > MAX_FILTERS) return [{ family, protocol: 'udp' }];
  return [...addressesOf].map(([dport, addresses]) => {
    const [daddr] = addresses;
    return { family, protocol: 'udp', dport, ...(addresses.size === 1 && daddr !== undefined ? { daddr } : {}) };
  });
}

function entranceKey({ family, address, port }: Omit<Suspect, 'lost'>): string {
  return `${family} ${address ?? 'node-port'} ${port}`;
}

function keyOf({ family, entrance, port }: Frontend): string {
  return entranceKey({ family, port, ...(entrance.kind === 'address' ? { address: entrance.ip } : {}) });
}

/** New flows go to its endpoints; those that drain keep the flows they have. */
function leadsTo({ endpoints, draining = [] }: Frontend): ReadonlySet<string> {
  return new Set([...endpoints, ...draining].map(endpointKey));
}

function lostEndpoints(before: Frontend | undefined, after: Frontend | undefined): readonly string[] {
  if (before === undefined) return [];
  const kept = after === undefined ? new Set() : leadsTo(after);
  return [...leadsTo(before)].filter((endpoint) => !kept.has(endpoint));
}
