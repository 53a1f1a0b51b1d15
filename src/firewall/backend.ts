/** What a host's firewall is to us: something that lets in what it is told, and says what became of it. */
import { IP_FAMILIES, type IPFamily } from '../lib/ip.ts';
import type { TransportProtocol } from '../netfilter/model.ts';

/** What is behind an address and port: of a Service, how it is reached; of the cluster, what nodes say to each other. */
export type OpeningKind =
  | 'node-port'
  | 'load-balancer'
  | 'external-ip'
  | 'health-check'
  | 'proxy-health'
  | 'heartbeats'
  | 'vxlan'
  | 'api';

/**
 * What is to become of it. `managed`: it is opened. `enforce`: nothing is opened, and translation of addresses does not
 * let it by either: only those whom the administrator's own rules admit reach it.
 */
export type Policy = 'managed' | 'enforce';

/** One address and port of this machine, as clients know it: before addresses are translated. */
export interface Destination {
  readonly family: IPFamily;
  /** In its one canonical form. */
  readonly address: string;
  readonly protocol: TransportProtocol;
  readonly port: number;
}

/** Who may come to one. */
export interface Admission extends Destination {
  /**
   * Prefixes of those who may come, canonical, sorted, none within another. Undefined: anyone. None at all: nobody, so
   * such an admission opens nothing.
   */
  readonly sources?: readonly string[];
  readonly policy: Policy;
}

/** An admission, and on whose behalf. */
export interface Opening extends Admission {
  /** `namespace/name` of a Service, or `cluster`. */
  readonly owner: string;
  readonly kind: OpeningKind;
}

/** The owner of what nodes say to each other. */
export const CLUSTER = 'cluster';

/** Of openings that are to be there. One whose sources or policy change is removed as it was, and added as it is. */
export interface Changes {
  readonly added: readonly Opening[];
  readonly removed: readonly Opening[];
}

/**
 * What this node carries for the pods of the cluster, and is let by beside what is exposed: forwarded from those who are named to pods,
 * and what pods of this node ask it for, see {@link POD_SERVICES}.
 */
export interface PodTraffic {
  /** The interface behind which pods of this node are. */
  readonly bridge: string;
  /** Prefixes of pods on all nodes, of either family: canonical, sorted, none within another. */
  readonly pods: readonly string[];
  /** Prefixes of those who send to pods: pods, and the other nodes, which send on what came to them. As `pods`. */
  readonly peers: readonly string[];
}

/** What a node serves to its own pods: DNS, DHCP, DHCPv6, and the API where it is served at its usual port. Besides, ICMPv6 is let in from them: they find their router by it. */
export const POD_SERVICES: readonly { readonly protocol: TransportProtocol; readonly port: number }[] = [
  { protocol: 'udp', port: 53 },
  { protocol: 'tcp', port: 53 },
  { protocol: 'udp', port: 67 },
  { protocol: 'udp', port: 547 },
  { protocol: 'tcp', port: 6443 },
];

/** What became of {@link PodTraffic}: ours is there; or the administrator has to do something, or has decided, and what. */
export type PodPassage = { readonly kind: 'done' } | { readonly kind: 'left'; readonly why: string };

/** Whether packets that begin a connection get to an admission through the host's firewall, as far as can be told. */
export type Verdict =
  /** What we put there lets them in. */
  | { readonly kind: 'open-by-us' }
  /** The administrator's rules let them in; `by` names the rule, policy or zone. */
  | { readonly kind: 'open-by-others'; readonly by: string }
  /** The administrator's rules would not let them in, but do not see them: addresses are translated before. */
  | { readonly kind: 'bypassed'; readonly by: string }
  /** Something drops or refuses them; `by` names the rule, policy or zone. */
  | { readonly kind: 'blocked'; readonly by: string }
  /** It cannot be told; `why` names what decides and is not understood. */
  | { readonly kind: 'unknown'; readonly why: string };

/**
 * A firewall of one network namespace. Calls follow one another; none overlaps the next. No two openings that it is told of have
 * the same {@link admissionKey}. Nothing that is not ours, by its name, is ever touched, and nothing is remembered elsewhere:
 * what is ours is found again from names alone.
 */
export interface FirewallBackend {
  readonly name: 'firewalld' | 'nftables' | 'iptables' | 'none';
  /** Whether it can do what the policy `enforce` asks. One that cannot is never told of such an opening. */
  readonly enforces: boolean;
  /**
   * Makes ours exactly this, whatever an earlier run left and whatever others took away; where that is so already, nothing
   * happens. Throws {@link FirewallError} when the firewall is away or refuses.
   */
  load(openings: readonly Opening[]): Promise<void>;
  /**
   * Puts what differs into the firewall, as soon as it can: all or nothing. Only after a {@link load}, and each removed one has
   * been added before. Throws {@link FirewallError}; whoever called loads then.
   */
  change(changes: Changes): Promise<void>;
  /**
   * Makes what of ours is there for pods exactly this, whatever an earlier run left; undefined: nothing is there. After a
   * {@link load}. Throws {@link FirewallError}.
   */
  letPods(traffic: PodTraffic | undefined): Promise<PodPassage>;
  /** Whether pods get by: the worst of it. From one look at the firewall; changes nothing, and needs no {@link load}. */
  podVerdict(traffic: PodTraffic): Promise<Verdict>;
  /** What of ours is wholly there now, of this run or of an earlier one, in any order. Changes nothing. */
  current(): Promise<readonly Admission[]>;
  /** One verdict for each opening, in their order: from one look at the firewall. Changes nothing, and needs no {@link load}. */
  verdicts(openings: readonly Opening[]): Promise<readonly Verdict[]>;
  /** Calls when something else may have taken away what is ours, such as a reload, until the signal is aborted. */
  watch?(changed: () => void, signal: AbortSignal): void;
  /** Removes everything of ours, of this run and of earlier ones: the firewall is then as if we had never been there. */
  remove(): Promise<void>;
}

/** The firewall is not there, or refuses. The message says what was asked, and what it answered. */
export class FirewallError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'FirewallError';
  }
}

/** The same for admissions to the same address and port, whoever may come. */
export function admissionKey({ family, address, protocol, port }: Destination): string {
  return `${family} ${address} ${protocol} ${port}`;
}

/** Whether two admissions of the same key are the same for the firewall. */
export function sameAdmission(a: Admission, b: Admission): boolean {
  return a.policy === b.policy && a.sources?.join() === b.sources?.join();
}

/** The policy is `managed`: of each address and port one admission, for whoever one of these admits. */
export function openedBy(rules: Iterable<Destination & { readonly source?: string }>): readonly Admission[] {
  const sources = new Map<string, { readonly to: Destination; readonly from: (string | undefined)[] }>();
  for (const { source, ...to } of rules) {
    const key = admissionKey(to);
    const known = sources.get(key);
    if (known === undefined) sources.set(key, { to, from: [source] });
    else known.from.push(source);
  }
  return [...sources.values()].map(({ to, from }): Admission => {
    const named = from.filter((source) => source !== undefined).sort();
    return { ...to, policy: 'managed', ...(named.length < from.length ? {} : { sources: named }) };
  });
}

/** Orders admissions: by family, address, port and protocol. */
export function compareAdmissions(a: Admission, b: Admission): number {
  return (
    IP_FAMILIES.indexOf(a.family) - IP_FAMILIES.indexOf(b.family) ||
    (a.address < b.address ? -1 : a.address > b.address ? 1 : 0) ||
    a.port - b.port ||
    (a.protocol < b.protocol ? -1 : a.protocol > b.protocol ? 1 : 0)
  );
}
