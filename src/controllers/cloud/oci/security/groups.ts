/** Network security groups: one of our own for each Service that asks for that, and rules of ours in those of nodes. */
import { createHash } from 'node:crypto';
import type { Clock } from '../../../../host/clock.ts';
import { ignoreNotFound, isNotFound, isTokenUsedUp, type NetworkCalls, OciError } from '../calls.ts';
import { allPages } from '../pages.ts';
import { CLUSTER_TAG, SERVICE_TAG, UID_TAG } from '../request/tags.ts';
import { byAge } from './age.ts';
import type { ServiceName } from './asked.ts';
import { diffGroup, GROUP_LIMIT, type GroupChanges } from './group-diff.ts';
import type { ListProblem } from './list-writer.ts';
import type { Claim } from './merge.ts';
import { type GroupRule, printRule } from './rules.ts';

export interface GroupsOptions {
  readonly network: NetworkCalls;
  /** Where ours are made. */
  readonly compartment: string;
  /** As tags tell people. */
  readonly cluster: string;
  readonly clock: Clock;
}

type Group = Awaited<ReturnType<NetworkCalls['createNetworkSecurityGroup']>>['networkSecurityGroup'];

/** Rules that one call takes. */
const BATCH = 25;
/** For how long the groups that there are are taken for all, in milliseconds. */
const FRESH = 10_000;
/** Tokens of groups that were deleted are used up for a day; after so many, a token is of its moment, and only tags find the group again. */
const TOKENS = 10;

export class SecurityGroups {
  readonly #options: GroupsOptions;
  #all: { readonly at: number; readonly groups: Promise<readonly Group[]> } | undefined;
  /** What is going on in a group: it is read, compared and changed by one at a time. */
  readonly #busy = new Map<string, Promise<unknown>>();

  constructor(options: GroupsOptions) {
    this.#options = options;
  }

  /** Ours of a Service, the oldest first: more than one only where somebody copied its tags. */
  async ofService({ uid }: ServiceName): Promise<readonly Group[]> {
    const ours = (await this.#list()).filter(
      ({ freeformTags, lifecycleState }) =>
        freeformTags?.[UID_TAG] === uid && lifecycleState !== 'TERMINATING' && lifecycleState !== 'TERMINATED',
    );
    return ours.toSorted(byAge);
  }

  /** Makes one for a Service; the same one when it is asked again after no answer came. */
  async create(service: ServiceName, vcn: string): Promise<Group> {
    try {
      return await this.#create(service, vcn);
    } finally {
      // Also where no answer came it may be there, and not in what was listed before, or meanwhile.
      this.#all = undefined;
    }
  }

  /** Whether it is gone; not while something is in it. */
  async remove(id: string): Promise<boolean> {
    try {
      await this.#options.network.deleteNetworkSecurityGroup({ networkSecurityGroupId: id });
      return true;
    } catch (error) {
      if (isNotFound(error)) return true;
      if (error instanceof OciError && error.status === 409) return false;
      throw error;
    } finally {
      this.#all = undefined;
    }
  }

  /** Makes a group hold what is claimed; resolves with what stands against it. */
  claim(id: string, claim: Claim): Promise<ListProblem | undefined> {
    return this.#alone(id, async () => {
      const rules = await this.rulesOf(id);
      const changes = diffGroup(rules, claim);
      await this.#apply(id, changes, rules.length);
      const [first] = changes.refused;
      if (first === undefined) return undefined;
      const why =
        `network security group ${id} has ${GROUP_LIMIT} rules, which is all that fit: no room for ${printRule(first.rule)}` +
        `${changes.refused.length > 1 ? ` and ${changes.refused.length - 1} more` : ''}. Remove rules from it`;
      return { reason: 'SecurityGroupFull', why, refused: changes.refused };
    });
  }

  rulesOf(id: string): Promise<readonly GroupRule[]> {
    const { network } = this.#options;
    return allPages((page) => network.listNetworkSecurityGroupSecurityRules({ networkSecurityGroupId: id, ...page }));
  }

  async #create(service: ServiceName, vcn: string): Promise<Group> {
    const { network, compartment, cluster, clock } = this.#options;
    const name = `${service.namespace}/${service.name}`;
    const details = {
      compartmentId: compartment,
      vcnId: vcn,
      displayName: `postern ${cluster} ${name}`.slice(0, 255),
      freeformTags: { [CLUSTER_TAG]: cluster, [SERVICE_TAG]: name, [UID_TAG]: service.uid },
    };
    for (let attempt = 0; ; attempt++) {
      try {
        const made = await network.createNetworkSecurityGroup({
          createNetworkSecurityGroupDetails: details,
          opcRetryToken: tokenOf(service, vcn, attempt < TOKENS ? attempt : clock.now()),
        });
        return made.networkSecurityGroup;
      } catch (error) {
        if (!isTokenUsedUp(error) || attempt > TOKENS) throw error;
      }
    }
  }

  /** What is missing opens before what is left over closes, unless there is no room. */
  async #apply(id: string, { add, update, remove }: GroupChanges, count: number): Promise<void> {
    if (count + add.length > GROUP_LIMIT) await this.#remove(id, remove);
    for (const securityRules of batches(add)) {
      await this.#options.network.addNetworkSecurityGroupSecurityRules({
        networkSecurityGroupId: id,
        addNetworkSecurityGroupSecurityRulesDetails: { securityRules },
      });
    }
    for (const securityRules of batches(update)) {
      await this.#options.network.updateNetworkSecurityGroupSecurityRules({
        networkSecurityGroupId: id,
        updateNetworkSecurityGroupSecurityRulesDetails: { securityRules },
      });
    }
    if (count + add.length <= GROUP_LIMIT) await this.#remove(id, remove);
  }

  async #remove(id: string, rules: readonly string[]): Promise<void> {
    for (const securityRuleIds of batches(rules)) {
      await this.#options.network.removeNetworkSecurityGroupSecurityRules({
        networkSecurityGroupId: id,
        removeNetworkSecurityGroupSecurityRulesDetails: { securityRuleIds },
      });
    }
  }

  #list(): Promise<readonly Group[]> {
    const now = this.#options.clock.steady();
    if (this.#all !== undefined && now - this.#all.at < FRESH) return this.#all.groups;
    const groups = this.#listAll();
    const all = { at: now, groups };
    this.#all = all;
    groups.catch(() => {
      if (this.#all === all) this.#all = undefined;
    });
    return groups;
  }

  /** Where none may be seen, none was made. */
  async #listAll(): Promise<readonly Group[]> {
    const { network, compartment } = this.#options;
    const all = allPages((page) => network.listNetworkSecurityGroups({ compartmentId: compartment, ...page }));
    return (await all.catch(ignoreNotFound)) ?? [];
  }

  async #alone<T>(id: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#busy.get(id) ?? Promise.resolve()).then(work, work);
    this.#busy.set(id, turn);
    try {
      return await turn;
    } finally {
      if (this.#busy.get(id) === turn) this.#busy.delete(id);
    }
  }
}

function tokenOf({ uid }: ServiceName, vcn: string, attempt: number): string {
  const hash = createHash('sha256').update(`nsg ${uid} ${vcn} ${attempt}`).digest('hex');
  return `postern-${hash.slice(0, 40)}`;
}

function batches<T>(items: readonly T[]): readonly (readonly T[])[] {
  const count = Math.ceil(items.length / BATCH);
  return Array.from({ length: count }, (_, index) => items.slice(index * BATCH, (index + 1) * BATCH));
}
