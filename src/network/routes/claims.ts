/** Which node a prefix of pods belongs to, should more than one say so. In memory; the cost of a change is that of one node. */
import type { Node } from '../../api/core/v1/node.ts';
import { type CIDR, cidrContains, cidrsOverlap, lastIP, printCIDR } from '../../lib/ip.ts';
import { podPrefixes } from './desired.ts';

/** A prefix that a node says it has, and that nothing is sent to it for. */
export interface Refusal {
  readonly prefix: string;
  readonly why: string;
}

export interface Holding {
  readonly prefixes: readonly CIDR[];
  readonly refused: readonly Refusal[];
}

const NOTHING: Holding = { prefixes: [], refused: [] };

/** What nodes claim. The one that has been a node for longer has it: all nodes judge alike, and guests keep their place. */
export class Claims {
  readonly #own: readonly CIDR[];
  readonly #cluster: readonly CIDR[];
  readonly #nodes = new Map<string, { readonly since: string; readonly prefixes: readonly CIDR[] }>();
  readonly #claimants = new Map<string, Set<string>>();

  /** `own`: this node's prefixes. `cluster`: those of all pods; none of a family: any prefix will do. */
  constructor(own: readonly CIDR[], cluster: readonly CIDR[]) {
    this.#own = own;
    this.#cluster = cluster;
  }

  /** Takes note of what another node claims now; undefined: it is gone. Returns the nodes whose holdings that may change besides. */
  set(name: string, node: Node | undefined): readonly string[] {
    const before = this.#nodes.get(name)?.prefixes ?? [];
    const after = node === undefined ? [] : podPrefixes(node);
    const touched = new Set([...before, ...after].map(printCIDR));
    for (const prefix of before.map(printCIDR)) this.#withdraw(prefix, name);
    if (node === undefined) this.#nodes.delete(name);
    else this.#nodes.set(name, { since: node.metadata.creationTimestamp ?? '', prefixes: after });
    for (const prefix of after.map(printCIDR)) {
      this.#claimants.set(prefix, (this.#claimants.get(prefix) ?? new Set()).add(name));
    }
    const others = [...touched].flatMap((prefix) => [...(this.#claimants.get(prefix) ?? [])]);
    return [...new Set(others)].filter((other) => other !== name);
  }

  /** What of its claims is the node's. */
  of(name: string): Holding {
    const claim = this.#nodes.get(name);
    if (claim === undefined) return NOTHING;
    const judged = claim.prefixes.map((cidr) => ({ cidr, why: this.#refusal(name, cidr) }));
    return {
      prefixes: judged.flatMap(({ cidr, why }) => (why === undefined ? cidr : [])),
      refused: judged.flatMap(({ cidr, why }) => (why === undefined ? [] : { prefix: printCIDR(cidr), why })),
    };
  }

  #refusal(name: string, cidr: CIDR): string | undefined {
    if (this.#own.some((own) => cidrsOverlap(own, cidr))) return "it is of this node's own pods";
    const cluster = this.#cluster.filter(({ base }) => base.family === cidr.base.family);
    if (cluster.length > 0 && !cluster.some((all) => contains(all, cidr))) {
      return `it is not within the prefixes of the cluster's pods, ${cluster.map(printCIDR).join(', ')} (--cluster-cidr)`;
    }
    const holder = this.#holder(printCIDR(cidr));
    return holder === name ? undefined : `it is of the pods of node ${holder}, which has had it for longer`;
  }

  #holder(prefix: string): string | undefined {
    const age = (name: string) => `${this.#nodes.get(name)?.since} ${name}`;
    const claimants = [...(this.#claimants.get(prefix) ?? [])];
    return claimants.sort((a, b) => (age(a) < age(b) ? -1 : 1))[0];
  }

  #withdraw(prefix: string, name: string): void {
    const claimants = this.#claimants.get(prefix);
    claimants?.delete(name);
    if (claimants?.size === 0) this.#claimants.delete(prefix);
  }
}

const contains = (outer: CIDR, inner: CIDR): boolean =>
  cidrContains(outer, inner.base) && cidrContains(outer, lastIP(inner));
