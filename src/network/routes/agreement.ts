/**
 * Whether nodes were told the same of the network that they are to make together. Each node's agent keeps on its Node what it was
 * started with, and those that are fewer say so. Pure, and the cost of a change is that of one node.
 */
import type { Node } from '../../api/core/v1/node.ts';
import { type CIDR, cidrContains, lastIP, printCIDR } from '../../lib/ip.ts';
import { type PodNetworkMode, podPrefixes } from './desired.ts';

/** The annotation of Nodes that holds what all have to have in common, as it is typed. */
const ANNOTATION = 'postern.dev/pod-network';

/** What all nodes have to have in common. */
export interface PodNetworkSettings {
  readonly mode: PodNetworkMode;
  /** UDP port of VXLAN. */
  readonly vxlanPort: number;
  /** Prefixes of all nodes' pods, the primary family first; none: any. */
  readonly clusterCIDRs: readonly CIDR[];
}

/** What a Node says of its agent's settings. */
export function podNetworkAnnotations(settings: PodNetworkSettings): Readonly<Record<string, string>> {
  return { [ANNOTATION]: printSettings(settings) };
}

/** A difference between this node and others, or what the cluster gave it. */
export interface Difference {
  /** The same for as long as the difference is. */
  readonly key: string;
  /** For people: what differs, and what to do. */
  readonly message: string;
}

/** What nodes were started with. */
export class Agreement {
  readonly #settings: PodNetworkSettings;
  readonly #own: string;
  readonly #nodes = new Map<string, string>();
  /** Other nodes by what they were started with. */
  readonly #groups = new Map<string, Set<string>>();
  #prefixes: readonly CIDR[] = [];

  constructor(settings: PodNetworkSettings) {
    this.#settings = settings;
    this.#own = printSettings(settings);
  }

  /** Takes note of this node's own prefixes. */
  setOwn(node: Node | undefined): void {
    this.#prefixes = node === undefined ? [] : podPrefixes(node);
  }

  /** Takes note of another node; undefined: it is gone. One that does not say what it was started with is like none. */
  set(name: string, node: Node | undefined): void {
    const before = this.#nodes.get(name);
    const after = node?.metadata.annotations?.[ANNOTATION];
    if (before === after) return;
    if (before !== undefined) this.#leave(before, name);
    if (after === undefined) {
      this.#nodes.delete(name);
      return;
    }
    this.#nodes.set(name, after);
    this.#groups.set(after, (this.#groups.get(after) ?? new Set()).add(name));
  }

  /** What is wrong at this node, as far as can be told: the prefixes it was given, else what most others have that are not fewer. */
  difference(): Difference | undefined {
    return this.#fromPrefixes() ?? this.#fromOthers();
  }

  #fromPrefixes(): Difference | undefined {
    const { clusterCIDRs } = this.#settings;
    const outside = this.#prefixes.filter((cidr) => {
      const cluster = clusterCIDRs.filter(({ base }) => base.family === cidr.base.family);
      return (
        cluster.length > 0 && !cluster.some((all) => cidrContains(all, cidr.base) && cidrContains(all, lastIP(cidr)))
      );
    });
    if (outside.length === 0) return undefined;
    const [prefixes, cluster] = [outside, clusterCIDRs].map((cidrs) => cidrs.map(printCIDR).join(','));
    const message =
      `this node's pods have the prefix ${prefixes}, which is not within --cluster-cidr ${cluster}, with which its agent was started: ` +
      "connections between pods are taken for such with strangers. Start the agent with the servers' --cluster-cidr";
    return { key: `prefixes ${prefixes}`, message };
  }

  #fromOthers(): Difference | undefined {
    const alike = 1 + (this.#groups.get(this.#own)?.size ?? 0);
    const others = [...this.#groups].filter(([settings]) => settings !== this.#own);
    const [most] = others.sort(([a, these], [b, those]) => those.size - these.size || (a < b ? -1 : 1));
    if (most === undefined || most[1].size < alike) return undefined;
    const [settings, names] = most;
    const [example] = names;
    const who = names.size === 1 ? `node ${example}` : `${names.size} others, such as node ${example},`;
    const message =
      `this node's agent was started with ${this.#own}, and that of ${who} with ${settings}: pods of nodes that differ may not reach ` +
      'each other. Start all agents with the same';
    return { key: `others ${settings}`, message };
  }

  #leave(settings: string, name: string): void {
    const group = this.#groups.get(settings);
    group?.delete(name);
    if (group?.size === 0) this.#groups.delete(settings);
  }
}

function printSettings({ mode, vxlanPort, clusterCIDRs }: PodNetworkSettings): string {
  const cluster = clusterCIDRs.length === 0 ? '' : ` --cluster-cidr ${clusterCIDRs.map(printCIDR).join(',')}`;
  return `--pod-network ${mode}${mode === 'direct' ? '' : ` --vxlan-port ${vxlanPort}`}${cluster}`;
}
