/** A provider that is not there: load balancers in memory, for tests of whoever uses a provider. */
import type { Node } from '../../api/core/v1/node.ts';
import type { Service } from '../../api/core/v1/service.ts';
import { keyOf, keyText } from '../../api/meta/v1.ts';
import type { Clock } from '../../host/clock.ts';
import type { Ensured, LoadBalancerProvider, NodeFacts, NodePortProblem, NodePortRule } from './provider.ts';

/** The class of what it takes. */
export const MEMORY_CLASS = 'memory.postern.dev/load-balancer';
/** Annotation of a Service: `key=value`, a label that its backends have. */
export const MEMORY_NODES = 'memory.postern.dev/nodes';
/** How long making and removing takes there, in milliseconds. */
const WORK = 3000;
/** How soon to ask again, in milliseconds. */
const POLL = 1000;

interface MemoryBalancer {
  /** `namespace/name` of the Service. */
  readonly owner: string;
  /** `TCP 80`. */
  readonly listeners: readonly string[];
  /** `192.0.2.1:30080`. */
  readonly backends: readonly string[];
  readonly uid: string;
  readonly address: string;
  /** When it is ready, by the clock. */
  readonly readyAt: number;
  /** When it will have gone. */
  readonly goneAt?: number;
}

/** What is at the provider. It outlives every process that asks it. */
export class MemoryCloud {
  readonly #clock: Clock;
  readonly #balancers = new Map<string, MemoryBalancer>();
  readonly #isDefault: boolean;
  #nodePorts: readonly NodePortRule[] = [];
  #made = 0;
  #writes = 0;
  #interruption: { readonly at: number; readonly how: 'before' | 'after' } | undefined;
  /** Calls of the provider's methods, as `ensure ns/name`. */
  readonly calls: string[] = [];
  /** Asked before each write; throws, to let it fail. */
  beforeWrite: (what: string) => void = () => {};
  /** Answers in the provider's stead; undefined: it answers itself. */
  answer: (service: Service) => Ensured | undefined = () => undefined;
  /** Facts of nodes, by name. */
  readonly facts = new Map<string, NodeFacts>();
  problems: readonly NodePortProblem[] = [];

  constructor({ clock, isDefault = false }: { readonly clock: Clock; readonly isDefault?: boolean }) {
    this.#clock = clock;
    this.#isDefault = isDefault;
  }

  open(): LoadBalancerProvider {
    return {
      name: 'memory',
      takes: ({ spec }) =>
        spec?.type === 'LoadBalancer' &&
        (spec.loadBalancerClass === MEMORY_CLASS || (this.#isDefault && spec.loadBalancerClass === undefined)),
      backends: (service, nodes) => backendNodesOf(service, nodes),
      ensure: async (service, nodes) => this.#ensure(service, nodes),
      remove: async (service) => this.#remove(service),
      ensureNodePorts: async (rules) => this.#ensureNodePorts(rules),
      node: async ({ metadata }) => {
        this.calls.push(`node ${metadata.name}`);
        return this.facts.get(metadata.name ?? '');
      },
    };
  }

  balancers(): readonly Pick<MemoryBalancer, 'owner' | 'listeners' | 'backends'>[] {
    return this.#here().map(({ owner, listeners, backends }) => ({ owner, listeners, backends }));
  }

  /** Load balancers that were ever made. */
  made(): number {
    return this.#made;
  }

  writes(): number {
    return this.#writes;
  }

  interrupt(write: { readonly nth: number; readonly how: 'before' | 'after' } | undefined): void {
    this.#interruption = write && { at: this.#writes + write.nth, how: write.how };
  }

  deleteByHand(owner: string): void {
    for (const [uid, balancer] of this.#balancers) if (balancer.owner === owner) this.#balancers.delete(uid);
  }

  nodePorts(): readonly string[] {
    return this.#nodePorts
      .flatMap(({ family, protocol, port, sources }) =>
        sources.map((from) => `${family} ${protocol} ${port} from ${from}`),
      )
      .sort();
  }

  #here(): readonly MemoryBalancer[] {
    for (const [uid, { goneAt = Number.POSITIVE_INFINITY }] of this.#balancers) {
      if (goneAt <= this.#clock.now()) this.#balancers.delete(uid);
    }
    return [...this.#balancers.values()];
  }

  #ensure(service: Service, nodes: readonly Node[]): Ensured {
    const owner = keyText(keyOf(service));
    this.calls.push(`ensure ${owner}`);
    const answer = this.answer(service);
    if (answer !== undefined) return answer;
    const { uid = '' } = service.metadata;
    const now = this.#clock.now();
    const found = this.#here().find((each) => each.uid === uid);
    if (found === undefined) {
      this.#write(`create ${owner}`, () => {
        this.#made++;
        const address = `203.0.113.${this.#made % 256}`;
        this.#balancers.set(uid, { uid, owner, address, listeners: [], backends: [], readyAt: now + WORK });
      });
      return { kind: 'waiting', why: 'the load balancer is being made', after: POLL };
    }
    if (found.goneAt !== undefined) return { kind: 'waiting', why: 'one of that name is going', after: POLL };
    if (found.readyAt > now) return { kind: 'waiting', why: 'the load balancer is being made', after: POLL };
    const wanted = { ...found, listeners: listenersOf(service), backends: backendsOf(service, nodes) };
    for (const part of ['listeners', 'backends'] as const) {
      if (String(this.#balancers.get(uid)?.[part]) === String(wanted[part])) continue;
      this.#write(`update ${part} of ${owner}`, () => {
        const current = this.#balancers.get(uid) ?? found;
        this.#balancers.set(uid, { ...current, [part]: wanted[part] });
      });
    }
    return { kind: 'ready', ingress: [{ ip: found.address, ipMode: 'VIP' }] };
  }

  #remove(service: Service): 'removed' | { readonly after: number } {
    const owner = keyText(keyOf(service));
    this.calls.push(`remove ${owner}`);
    const found = this.#here().find(({ uid }) => uid === service.metadata.uid);
    if (found === undefined) return 'removed';
    if (found.goneAt === undefined) {
      this.#write(`delete ${owner}`, () => {
        this.#balancers.set(found.uid, { ...found, goneAt: this.#clock.now() + WORK });
      });
    }
    return { after: POLL };
  }

  #ensureNodePorts(rules: readonly NodePortRule[]): readonly NodePortProblem[] {
    this.calls.push('ensureNodePorts');
    if (JSON.stringify(rules) !== JSON.stringify(this.#nodePorts)) {
      this.#write('node ports', () => {
        this.#nodePorts = rules;
      });
    }
    return this.problems;
  }

  #write(what: string, work: () => void): void {
    this.beforeWrite(what);
    this.#writes++;
    const how = this.#interruption?.at === this.#writes ? this.#interruption.how : undefined;
    if (how !== 'before') work();
    if (how !== undefined) throw new Error(`the connection broke: ${what}`);
  }
}

function listenersOf({ spec }: Service): readonly string[] {
  return (spec?.ports ?? []).map(({ protocol = 'TCP', port }) => `${protocol} ${port}`).sort();
}

function backendNodesOf({ metadata }: Service, nodes: readonly Node[]): readonly Node[] {
  const [key = '', value] = metadata.annotations?.[MEMORY_NODES]?.split('=') ?? [];
  return value === undefined ? nodes : nodes.filter((node) => node.metadata.labels?.[key] === value);
}

function backendsOf({ spec }: Service, nodes: readonly Node[]): readonly string[] {
  const addresses = nodes.flatMap(({ status }) =>
    (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address),
  );
  return (spec?.ports ?? []).flatMap(({ nodePort }) => addresses.map((address) => `${address}:${nodePort}`)).sort();
}
