/** The security lists of the network: which of them has a subnet's rules, and which have rules of a Service. */
import type { Clock } from '../../../../host/clock.ts';
import type { Logger } from '../../../../host/log.ts';
import { isNotFound, type NetworkCalls } from '../calls.ts';
import { allPages } from '../pages.ts';
import type { SubnetFacts } from '../subnets.ts';
import { byAge } from './age.ts';
import { type ListProblem, ListWriter } from './list-writer.ts';
import { type Scope, scopeKey } from './marks.ts';
import type { Wanted } from './merge.ts';

export interface ListsOptions {
  readonly network: NetworkCalls;
  /** Where subnets are looked for, besides the compartments of those that are named. */
  readonly compartment: string;
  readonly vcn: string | undefined;
  /** The list to write to, by subnet. */
  readonly chosen: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly log: Logger;
}

export class SecurityLists {
  readonly #options: ListsOptions;
  readonly #writers = new Map<string, ListWriter>();
  /** Networks whose lists are all known, by compartment and VCN. */
  readonly #searched = new Map<string, Promise<void>>();
  /** Lists that may hold rules of a scope. What is not here has not been looked for since we started. */
  readonly #held = new Map<string, ReadonlySet<string>>();

  constructor(options: ListsOptions) {
    this.#options = options;
  }

  /** The list that rules of a subnet go to: the one that the configuration names, or the oldest. Undefined: it has none. */
  async listOf({ id, lists }: SubnetFacts): Promise<string | undefined> {
    const chosen = this.#options.chosen[id];
    if (chosen !== undefined && lists.includes(chosen)) return chosen;
    if (lists.length < 2) return lists[0];
    const found = await Promise.all(lists.map(async (list) => (await this.#writer(list).read()).list));
    const [oldest] = found.toSorted(byAge);
    return oldest?.id;
  }

  /**
   * Makes the lists hold what is wanted of a scope, and other lists nothing of it; resolves with what stands against it. `near` are
   * subnets in whose networks something may be left.
   */
  async hold(
    scope: Scope,
    wanted: ReadonlyMap<string, readonly Wanted[]>,
    near: readonly SubnetFacts[],
  ): Promise<readonly ListProblem[]> {
    const key = scopeKey(scope);
    const before = this.#held.get(key) ?? (await this.#search(scope, near));
    this.#held.set(key, new Set([...before, ...wanted.keys()]));
    const problems = await Promise.all(
      [...new Set([...wanted.keys(), ...before])].map((list) => this.#claim(list, scope, wanted.get(list) ?? [])),
    );
    if (wanted.size === 0) this.#held.delete(key);
    else this.#held.set(key, new Set(wanted.keys()));
    return problems.filter((problem) => problem !== undefined);
  }

  async #claim(list: string, scope: Scope, wanted: readonly Wanted[]): Promise<ListProblem | undefined> {
    try {
      return await this.#writer(list).claim({ scope, wanted });
    } catch (error) {
      // With the list went what we had in it.
      if (wanted.length === 0 && isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Lists that may hold rules of the scope, of all lists in the networks that we know of. */
  async #search(scope: Scope, near: readonly SubnetFacts[]): Promise<ReadonlySet<string>> {
    const { compartment, vcn } = this.#options;
    const networks = new Map(near.map((subnet) => [`${subnet.compartment} ${subnet.vcn}`, subnet]));
    await Promise.all([
      ...(vcn === undefined ? [] : [this.#learn(compartment, vcn), this.#learnHome(vcn)]),
      ...[...networks.values()].map((subnet) => this.#learn(subnet.compartment, subnet.vcn)),
    ]);
    const found = await Promise.all(
      [...this.#writers.values()].map(async (writer) => ((await this.#mayHold(writer, scope)) ? [writer.id] : [])),
    );
    return new Set(found.flat());
  }

  /** Networks may be in another compartment than what uses them. */
  async #learnHome(vcn: string): Promise<void> {
    const { network, compartment } = this.#options;
    const home = await this.#ifSeen('vcn', vcn, async () => (await network.getVcn({ vcnId: vcn })).vcn.compartmentId);
    if (home !== undefined && home !== compartment) await this.#learn(home, vcn);
  }

  /** Gets to know the lists of all subnets of a network, once. */
  #learn(compartment: string, vcn: string): Promise<void> {
    const key = `${compartment} ${vcn}`;
    const known = this.#searched.get(key);
    if (known !== undefined) return known;
    const { network } = this.#options;
    const search = this.#ifSeen('compartment', compartment, async () => {
      const subnets = await allPages((page) =>
        network.listSubnets({ compartmentId: compartment, vcnId: vcn, ...page }),
      );
      for (const list of subnets.flatMap(({ securityListIds }) => securityListIds ?? [])) this.#writer(list);
    });
    this.#searched.set(key, search);
    search.catch(() => this.#searched.delete(key));
    return search;
  }

  async #mayHold(writer: ListWriter, scope: Scope): Promise<boolean> {
    return (await this.#ifSeen('securityList', writer.id, () => writer.mayHold(scope))) ?? false;
  }

  /** Where policies let us see nothing, rules of ours are hardly left; where nothing is to be kept there, nothing is to be seen. */
  async #ifSeen<T>(
    field: 'compartment' | 'securityList' | 'vcn',
    id: string,
    look: () => Promise<T>,
  ): Promise<T | undefined> {
    try {
      return await look();
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.#options.log.warn(
        { [field]: id, err: error },
        'may not be seen: no rules are looked for there that may be left over',
      );
      return undefined;
    }
  }

  #writer(list: string): ListWriter {
    const { network, clock } = this.#options;
    const writer = this.#writers.get(list) ?? new ListWriter(list, network, clock);
    this.#writers.set(list, writer);
    return writer;
  }
}
