/**
 * Brings what is forwarded into the kernel, by a mode: what changed, or everything where that cannot be told. What the
 * kernel refuses of one Service is set aside, and the Service keeps the rules it had.
 */
import type { IPAddress } from '../../lib/ip.ts';
import { TransactionError } from '../../netfilter/netfilter.ts';
import type { Forwarding } from '../forwarding/forwarding.ts';
import { ForwardingTable } from '../forwarding/forwarding-table.ts';
import { type Changes, type Forwarded, type FrontendChange, isEmpty, type Mode } from '../mode.ts';
import { applyApart, type Refusal } from './isolate.ts';

/** What a commit did. */
export interface Committed {
  /** There was something to do, and it is done. */
  readonly applied: boolean;
  /** Everything was loaded, not only what changed. */
  readonly everything: boolean;
  /** What the kernel took, unless everything was loaded. */
  readonly changes: Changes;
  /** Services that are not in the kernel as they should be: as they were before, or not at all after a load. */
  readonly refused: readonly Refusal[];
}

export class Programming {
  readonly #mode: Mode;
  readonly #table: ForwardingTable;
  /** What the kernel has of the Services that changed since the last commit. */
  #before = new Map<string, Forwarding | undefined>();
  #loaded = false;

  constructor(mode: Mode) {
    this.#mode = mode;
    this.#table = new ForwardingTable(mode.families);
  }

  /** To be called before anything is {@link set}: endpoints then keep the slots of an earlier run. */
  async recall(): Promise<void> {
    this.#table.recallBy(await this.#mode.recall?.());
  }

  get(service: string): Forwarding | undefined {
    return this.#table.get(service);
  }

  /** The Service that has a frontend: see `frontendKey`. */
  serviceOf(key: string): string | undefined {
    return this.#table.serviceOf(key);
  }

  /** What the kernel has, right after a {@link commit}. */
  get forwarded(): Forwarded {
    return this.#table;
  }

  /** What a Service is to be; undefined: nothing any more. Takes effect with the next {@link commit}. */
  set(service: string, wanted: Forwarding | undefined): void {
    if (!this.#before.has(service)) this.#before.set(service, this.#table.get(service));
    this.#table.set(service, wanted);
  }

  /** Where node ports are to be served. Takes effect with the next {@link commit}. */
  setNodeAddresses(addresses: readonly IPAddress[]): void {
    this.#table.setNodeAddresses(addresses);
  }

  /** The next commit loads everything, whatever the kernel has. */
  reload(): void {
    this.#loaded = false;
  }

  /** Throws what is nobody's fault in particular; the next commit then loads everything. */
  async commit(): Promise<Committed> {
    const everything = !this.#loaded;
    const changes = this.#table.takeChanges();
    if (!everything && isEmpty(changes)) return { applied: false, everything, changes, refused: [] };
    this.#loaded = false;
    const refused = everything ? await this.#load() : await this.#change(changes);
    this.#loaded = true;
    this.#table.recallBy(undefined);
    this.#before = new Map();
    return { applied: true, everything, changes: without(changes, refused), refused };
  }

  async #load(): Promise<readonly Refusal[]> {
    try {
      await this.#mode.load(this.#table);
      return [];
    } catch (error) {
      if (!(error instanceof TransactionError)) throw error;
    }
    await this.#mode.load(withoutFrontends(this.#table));
    const frontends = [...this.#table.frontends()].map(
      ({ service, key, frontend }): FrontendChange => ({ service, key, before: undefined, after: frontend }),
    );
    const refused = await this.#apart({ ...NO_CHANGES, frontends });
    for (const { service } of refused) this.#table.set(service, undefined);
    await this.#settle(refused);
    return refused;
  }

  async #change(changes: Changes): Promise<readonly Refusal[]> {
    try {
      await this.#mode.change(changes);
      return [];
    } catch (error) {
      // What someone else took away is not a Service's fault.
      if (!(error instanceof TransactionError) || !(await this.#mode.intact())) throw error;
    }
    const refused = await this.#apart(changes);
    for (const { service } of refused) this.#table.set(service, this.#before.get(service));
    await this.#settle(refused);
    return refused;
  }

  /** Throws when several are refused and none is taken: the trouble is not theirs. */
  async #apart(changes: Changes): Promise<readonly Refusal[]> {
    const refused = await applyApart(changes, (part) => this.#mode.change(part));
    const services = new Set(changes.frontends.map(({ service }) => service));
    const [first] = refused;
    if (first !== undefined && refused.length > 1 && refused.length === services.size) throw first.error;
    return refused;
  }

  /** After refused Services have been put back: what that changes for others. */
  async #settle(refused: readonly Refusal[]): Promise<void> {
    const theirs = new Set(refused.map(({ service }) => service));
    const back = this.#table.takeChanges();
    const rest = { ...back, frontends: back.frontends.filter(({ service }) => !theirs.has(service)) };
    if (!isEmpty(rest)) await this.#mode.change(rest);
  }
}

const NO_CHANGES: Changes = {
  frontends: [],
  virtualAddresses: { added: [], removed: [] },
  nodeAddresses: { added: [], removed: [] },
};

function without(changes: Changes, refused: readonly Refusal[]): Changes {
  if (refused.length === 0) return changes;
  const services = new Set(refused.map(({ service }) => service));
  return { ...changes, frontends: changes.frontends.filter(({ service }) => !services.has(service)) };
}

const withoutFrontends = (forwarded: Forwarded): Forwarded => ({
  frontends: () => [],
  virtualAddresses: () => forwarded.virtualAddresses(),
  nodeAddresses: () => forwarded.nodeAddresses(),
});
