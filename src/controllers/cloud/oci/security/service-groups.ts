/** The mode NSG: a network security group of a load balancer's own, and what groups of nodes let through of it. */
import { ignoreNotFound } from '../calls.ts';
import type { SecurityAsked, ServiceName } from './asked.ts';
import { backGroupRules, frontGroupRules } from './desired.ts';
import type { SecurityGroups } from './groups.ts';
import type { ListProblem } from './list-writer.ts';
import type { Owner, Scope } from './marks.ts';
import type { Rule } from './rules.ts';

export interface GroupsEnsured {
  /** OCIDs of groups that the load balancer is to be in. */
  readonly groups: readonly string[];
  readonly problems: readonly ListProblem[];
}

const NONE: GroupsEnsured = { groups: [], problems: [] };

export class ServiceGroups {
  readonly #groups: SecurityGroups;

  constructor(groups: SecurityGroups) {
    this.#groups = groups;
  }

  /** @param vcn of the load balancer's subnets. */
  async ensure(asked: SecurityAsked, owner: Owner, vcn: string | undefined): Promise<GroupsEnsured> {
    if (asked.mode !== 'NSG' || vcn === undefined) {
      // One that the load balancer is still in is deleted when we are asked again.
      await this.remove(asked.service, owner, []);
      return NONE;
    }
    const ours = await this.#groups.ofService(asked.service);
    const group = ours.find(({ vcnId }) => vcnId === vcn) ?? (await this.#groups.create(asked.service, vcn));
    await Promise.all(ours.filter((other) => other !== group).map(({ id }) => this.#groups.remove(id)));
    return { groups: [group.id], problems: await this.#claim(asked, owner, group.id) };
  }

  /** Whether all is gone; not while the load balancer is in a group. */
  async remove(service: ServiceName, owner: Owner, hints: readonly string[]): Promise<boolean> {
    const ours = await this.#groups.ofService(service);
    const named = await Promise.all(ours.map(({ id }) => this.#backGroupsOf(id)));
    await Promise.all([...new Set([...hints, ...named.flat()])].map((id) => this.#clear(id, owner)));
    const removed = await Promise.all(ours.map(({ id }) => this.#groups.remove(id)));
    return removed.every((isRemoved) => isRemoved);
  }

  /** The load balancer's group is the first to name a group of nodes, and the last: it tells after a crash where rules of ours are. */
  async #claim(asked: SecurityAsked, owner: Owner, group: string): Promise<readonly ListProblem[]> {
    const former = await this.#backGroupsOf(group);
    const left = former.filter((id) => !asked.backendGroups.includes(id));
    await Promise.all(left.map((id) => this.#clear(id, owner)));
    const claim = (id: string, rules: readonly Rule[]) =>
      this.#groups.claim(id, { scope: scopeOf(owner), wanted: rules.map((rule) => ({ owner, rule })) });
    const front = await claim(group, frontGroupRules(asked));
    const back = await Promise.all(asked.backendGroups.map((id) => claim(id, backGroupRules(asked, group))));
    return [front, ...back].filter((problem) => problem !== undefined);
  }

  async #backGroupsOf(group: string): Promise<readonly string[]> {
    const rules = (await this.#groups.rulesOf(group).catch(ignoreNotFound)) ?? [];
    const named = rules.flatMap(({ destination, destinationType }) =>
      destinationType === 'NETWORK_SECURITY_GROUP' && destination !== undefined ? [destination] : [],
    );
    return [...new Set(named)];
  }

  async #clear(id: string, owner: Owner): Promise<void> {
    // With a group goes what we had in it.
    await this.#groups.claim(id, { scope: scopeOf(owner), wanted: [] }).catch(ignoreNotFound);
  }
}

const scopeOf = (owner: Owner): Scope => ({ kind: 'service', owner });
