/** The simplest thing that says what a Service's addresses and ports should be: for the test of random histories. */
import type { Json } from '../testing/server.ts';

export type Type = 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';
export type Family = 'IPv4' | 'IPv6';
export type Policy = 'SingleStack' | 'PreferDualStack' | 'RequireDualStack';

export type Action =
  | { readonly act: 'create'; readonly name: string; readonly spec: Wanted }
  | { readonly act: 'turn'; readonly name: string; readonly type: Type }
  | { readonly act: 'policy'; readonly name: string; readonly policy: Policy }
  | { readonly act: 'port'; readonly name: string; readonly nodePort: number }
  /** A PUT that names the type and no more. */
  | { readonly act: 'replace'; readonly name: string }
  | { readonly act: 'delete'; readonly name: string };

export interface Wanted {
  readonly type: Type;
  readonly clusterIP?: string;
  readonly ipFamilyPolicy?: Policy;
  readonly ipFamilies?: readonly Family[];
  readonly nodePort?: number;
}

/** What a Service has. `undefined` in a list stands for one that is chosen. */
export interface Has {
  readonly type: Type;
  readonly policy?: Policy;
  readonly families: readonly Family[];
  readonly ips: readonly (string | undefined)[];
  /** None: no node port. `undefined`: one that is chosen. An ExternalName Service has it written down and does not hold it. */
  readonly ports: readonly (number | undefined)[];
}

/** The answer to expect: a code, and what the Service then has. */
export interface Expected {
  readonly code: number;
  readonly has?: Has;
}

export interface Pools {
  /** Usable addresses, by family. */
  readonly addresses: Readonly<Record<Family, readonly string[]>>;
  readonly ports: readonly number[];
}

const NOTHING = { families: [], ips: [], ports: [] };
const refused = { code: 422 };
const exhausted = { code: 500 };
const other = (family: Family): Family => (family === 'IPv4' ? 'IPv6' : 'IPv4');
const familyOf = (ip: string): Family => (ip.includes(':') ? 'IPv6' : 'IPv4');
const hasPort = (type: Type) => type === 'NodePort' || type === 'LoadBalancer';

/** What nobody else can have. */
function heldBy({ type, ips, ports }: Has): readonly (string | number | undefined)[] {
  return type === 'ExternalName' ? [] : [...ips, ...ports];
}

/** The cluster is dual-stack, its primary family is IPv4, and no Service has a selector. */
export class Model {
  readonly services = new Map<string, Has>();
  readonly #pools: Pools;

  constructor(pools: Pools) {
    this.#pools = pools;
  }

  expected(action: Action): Expected {
    const old = this.services.get(action.name);
    if (action.act === 'create') {
      const made = this.#create(action.spec);
      const fit = this.#fit(made, 201);
      // Whether the name is taken is asked last.
      return fit.code === 201 && old !== undefined ? { code: 409 } : fit;
    }
    if (old === undefined) return { code: 404 };
    const next = action.act === 'delete' ? 'gone' : this.#changed(old, action);
    return next === 'gone' ? { code: 200 } : this.#fit(next, 200, old);
  }

  #create(spec: Wanted): Has | undefined {
    const { type, clusterIP, nodePort } = spec;
    if (type === 'ExternalName') {
      const isAddressed = clusterIP || spec.ipFamilies || spec.ipFamilyPolicy;
      return isAddressed ? undefined : { type, ...NOTHING, ports: nodePort === undefined ? [] : [nodePort] };
    }
    const isHeadless = clusterIP === 'None';
    if (isHeadless && hasPort(type)) return undefined;
    if (nodePort !== undefined && !hasPort(type)) return undefined;
    const policy = spec.ipFamilyPolicy ?? (isHeadless ? 'RequireDualStack' : 'SingleStack');
    const asked = spec.ipFamilies ?? (clusterIP && !isHeadless ? [familyOf(clusterIP)] : (['IPv4'] as const));
    if (policy === 'SingleStack' && asked.length > 1) return undefined;
    const [first = 'IPv4'] = asked;
    if (clusterIP && !isHeadless && familyOf(clusterIP) !== first) return undefined;
    const families = policy === 'SingleStack' ? [first] : [first, other(first)];
    const ips = isHeadless ? ['None'] : families.map((_, i) => (i === 0 ? clusterIP : undefined));
    return { type, policy, families, ips, ports: hasPort(type) ? [nodePort] : [] };
  }

  /** Undefined: refused whatever is free. */
  #changed(old: Has, action: Exclude<Action, { act: 'create' | 'delete' }>): Has | undefined {
    switch (action.act) {
      case 'replace':
        // What it does not hold, nobody keeps for it.
        return old.type === 'ExternalName' ? { ...old, ports: [] } : old;
      case 'port':
        return old.type === 'ClusterIP' ? undefined : { ...old, ports: [action.nodePort] };
      case 'policy':
        return this.#withPolicy(old, action.policy);
      case 'turn':
        return this.#turned(old, action.type);
    }
  }

  #withPolicy(old: Has, policy: Policy): Has | undefined {
    if (old.type === 'ExternalName') return undefined;
    const [first = 'IPv4'] = old.families;
    const families = policy === 'SingleStack' ? [first] : [first, other(first)];
    return { ...old, policy, families, ips: old.ips[0] === 'None' ? old.ips : families.map((_, i) => old.ips[i]) };
  }

  #turned(old: Has, type: Type): Has | undefined {
    if (type === 'ExternalName' && old.type !== type) return { type, ...NOTHING };
    if (old.type === 'ExternalName') {
      const [nodePort] = old.ports;
      return type === old.type ? old : this.#create({ type, ...(nodePort === undefined ? {} : { nodePort }) });
    }
    if (old.ips[0] === 'None' && hasPort(type)) return undefined;
    const ports = hasPort(type) ? (hasPort(old.type) ? old.ports : [undefined]) : [];
    return { ...old, type, ports };
  }

  /** Refuses what is not there to be had. */
  #fit(next: Has | undefined, code: number, old?: Has): Expected {
    if (next === undefined) return refused;
    const held: readonly unknown[] = old === undefined ? [] : heldBy(old);
    const own = (value: unknown) => held.includes(value);
    const isFree = (value: unknown) => own(value) || !this.#taken().has(value);
    const isFull = (pool: readonly unknown[]) => pool.every((each) => this.#taken().has(each));
    const { addresses, ports } = this.#pools;
    const needed = next.families.filter((_, i) => next.ips.length > i && next.ips[i] === undefined);
    if (needed.some((family) => isFull(addresses[family]))) return exhausted;
    if (next.ports.includes(undefined) && isFull(ports)) return exhausted;
    for (const [i, ip] of next.ips.entries()) {
      const pool = addresses[next.families[i] ?? 'IPv4'];
      if (ip === 'None') continue;
      // The API's own Service has the first of all.
      if (ip !== undefined && !(pool.includes(ip) && isFree(ip))) return refused;
    }
    for (const port of next.type === 'ExternalName' ? [] : next.ports) {
      if (port !== undefined && !(ports.includes(port) && isFree(port))) return refused;
    }
    return { code, has: next };
  }

  /** Every address and port that somebody has. */
  #taken(): ReadonlySet<unknown> {
    const all = [...this.services.values()].flatMap(heldBy);
    return new Set([...all.filter((value) => value !== 'None'), '10.0.0.1']);
  }

  /** The keys of the claims that there should be. */
  claims(): readonly string[] {
    return [...this.#taken()].map(String).sort();
  }
}

/** What a Service of the API has, as the model says it. */
export function has({ spec }: Json): Has {
  return {
    type: spec.type,
    ...(spec.ipFamilyPolicy === undefined ? {} : { policy: spec.ipFamilyPolicy }),
    families: spec.ipFamilies ?? [],
    ips: spec.clusterIPs ?? [],
    ports: spec.ports.flatMap(({ nodePort }: Json) => (nodePort === undefined ? [] : [nodePort])),
  };
}
