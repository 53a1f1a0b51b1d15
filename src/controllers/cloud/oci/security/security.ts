/** The cloud's own firewall: opened for load balancers and bare node ports, and closed again. */
import type { Node } from '../../../../api/core/v1/node.ts';
import type { Clock } from '../../../../host/clock.ts';
import type { Logger } from '../../../../host/log.ts';
import type { NodePortProblem, NodePortRule } from '../../provider.ts';
import { ignoreNotFound, type NetworkCalls } from '../calls.ts';
import type { NodePlace } from '../node-place.ts';
import type { OciNodes } from '../nodes.ts';
import type { SubnetFacts, SubnetReader } from '../subnets.ts';
import type { SecurityAsked, SecurityEnsured, SecurityHints, ServiceName } from './asked.ts';
import { listRules, nodePortRules } from './desired.ts';
import { SecurityGroups } from './groups.ts';
import type { ListProblem } from './list-writer.ts';
import { SecurityLists } from './lists.ts';
import { clusterName, nodePortOwner, type Scope, serviceOwner } from './marks.ts';
import type { Wanted } from './merge.ts';
import { ServiceGroups } from './service-groups.ts';

export interface SecurityOptions {
  readonly network: NetworkCalls;
  readonly subnet: SubnetReader;
  readonly nodes: OciNodes;
  /** Tells rules of this cluster from those of others in the same lists; not to be changed while there are any. */
  readonly cluster: string;
  /** OCID: where network security groups are made, and subnets are looked for. */
  readonly compartment: string;
  readonly vcn: string | undefined;
  /** OCIDs of the lists to write to, by subnet; of others the oldest. */
  readonly securityLists: Readonly<Record<string, string>>;
  /** Whether bare node ports are opened in security lists of nodes, unless there are groups for them. Unless said: yes. */
  readonly managesNodes?: boolean;
  /** OCIDs of network security groups that bare node ports are opened in, in place of the security lists of nodes. */
  readonly nodePortGroups?: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
}

/** A group can be deleted only once its load balancer has left it: asked again after so many milliseconds. */
const GROUP_IN_USE = 5_000;

export class Security {
  readonly #options: SecurityOptions;
  readonly #cluster: string;
  readonly #lists: SecurityLists;
  readonly #groups: SecurityGroups;
  readonly #serviceGroups: ServiceGroups;

  constructor(options: SecurityOptions) {
    const { network, compartment, vcn, securityLists, clock, log } = options;
    this.#options = options;
    this.#cluster = clusterName(options.cluster);
    this.#lists = new SecurityLists({ network, compartment, vcn, chosen: securityLists, clock, log });
    this.#groups = new SecurityGroups({ network, compartment, cluster: this.#cluster, clock });
    this.#serviceGroups = new ServiceGroups(this.#groups);
  }

  /**
   * Lets through what a load balancer needs, and no more. To be called before the load balancer is made or changed; a group that it
   * is to leave is deleted the next time. `nodes` are its backends.
   */
  async ensure(asked: SecurityAsked, nodes: readonly Node[]): Promise<SecurityEnsured> {
    const front = await this.#subnets(asked.subnets);
    const isBehind = asked.mode === 'All' || (asked.mode === 'NSG' && asked.backendGroups.length > 0);
    const { places, lost } = await this.#placesOf(isBehind ? nodes : []);
    const back = asked.mode === 'All' ? await this.#subnetsOf(places) : [];
    if (asked.mode === 'All' && places.size === 0 && lost.length > 0) {
      return { kind: 'refused', reason: 'NodeNotFound', why: notFound(lost) };
    }
    const owner = serviceOwner(this.#cluster, asked.service);
    const placed = listRules(asked, front, back).map(({ subnet, rule }) => ({ subnet, wanted: { owner, rule } }));
    const listed = await this.#hold({ kind: 'service', owner }, placed, [...front, ...back]);
    const { groups, problems } = await this.#serviceGroups.ensure(asked, owner, front[0]?.vcn);
    const [first, ...others] = [...listed, ...problems];
    if (first === undefined) return { kind: 'open', groups, warnings: warningsOf(asked, places, lost) };
    const why = [...new Set([first, ...others].map((problem) => problem.why))].join('; ');
    return { kind: 'refused', reason: first.reason, why };
  }

  /** Takes back what was let through for a Service. To be called once its load balancer is gone. */
  async remove(service: ServiceName, hints: SecurityHints = {}): Promise<'removed' | { readonly after: number }> {
    const owner = serviceOwner(this.#cluster, service);
    const near = await this.#subnets(hints.subnets ?? [], { missing: 'passed over' });
    await this.#hold({ kind: 'service', owner }, [], near);
    const isGone = await this.#serviceGroups.remove(service, owner, hints.backendGroups ?? []);
    return isGone ? 'removed' : { after: GROUP_IN_USE };
  }

  /** Lets just these node ports through to these nodes. Where the rules of nodes are the administrator's, none is let through by us. */
  async ensureNodePorts(asked: readonly NodePortRule[], nodes: readonly Node[]): Promise<readonly NodePortProblem[]> {
    const scope: Scope = { kind: 'node-ports', cluster: this.#cluster };
    const { nodePortGroups: groups = [], managesNodes = true } = this.#options;
    const rules = managesNodes || groups.length > 0 ? asked : [];
    const { places, lost } = await this.#placesOf(rules.length === 0 ? [] : nodes);
    const subnets = await this.#subnetsOf(places);
    const wantedIn = (subnet: Pick<SubnetFacts, 'prefixes'>) =>
      nodePortRules(rules, subnet).map(({ key, rule }): Wanted => ({ owner: nodePortOwner(this.#cluster, key), rule }));
    const inLists = groups.length > 0 ? [] : subnets;
    const placed = inLists.flatMap((subnet) => wantedIn(subnet).map((wanted) => ({ subnet, wanted })));
    const everywhere = wantedIn({ prefixes: subnets.flatMap(({ prefixes }) => prefixes) });
    const problems = [
      ...(await this.#hold(scope, placed, subnets)),
      ...(await Promise.all(groups.map((group) => this.#groups.claim(group, { scope, wanted: everywhere })))),
    ].filter((problem) => problem !== undefined);
    const owners = new Map(
      problems.flatMap((problem) => problem.refused.map(({ owner }) => [owner, problem] as const)),
    );
    return rules.flatMap(({ owner, protocol }) => {
      if (protocol === 'SCTP') return [{ owner, reason: 'UnsupportedProtocol', why: NO_SCTP }];
      if (subnets.length === 0 && lost.length > 0) return [{ owner, reason: 'NodeNotFound', why: notFound(lost) }];
      const problem = owners.get(nodePortOwner(this.#cluster, owner));
      return problem === undefined ? [] : [{ owner, reason: problem.reason, why: problem.why }];
    });
  }

  /** Makes the lists of subnets hold what is placed there, and other lists nothing of the scope. */
  async #hold(
    scope: Scope,
    placed: readonly { readonly subnet: SubnetFacts; readonly wanted: Wanted }[],
    near: readonly SubnetFacts[],
  ): Promise<readonly ListProblem[]> {
    const bySubnet = Map.groupBy(placed, ({ subnet }) => subnet.id);
    const byList = new Map<string, Wanted[]>();
    const missing: ListProblem[] = [];
    for (const all of bySubnet.values()) {
      const [first] = all;
      if (first === undefined) continue;
      const wanted = all.map((one) => one.wanted);
      const list = await this.#lists.listOf(first.subnet);
      if (list === undefined) missing.push(noList(first.subnet, wanted));
      else byList.set(list, [...(byList.get(list) ?? []), ...wanted]);
    }
    return [...missing, ...(await this.#lists.hold(scope, byList, near))];
  }

  async #subnets(
    ids: readonly string[],
    { missing }: { readonly missing: 'an error' | 'passed over' } = { missing: 'an error' },
  ): Promise<readonly SubnetFacts[]> {
    const found = await Promise.all(
      [...new Set(ids)].map((id) => {
        const reading = this.#options.subnet(id);
        return missing === 'an error' ? reading : reading.catch(ignoreNotFound);
      }),
    );
    return found.filter((subnet) => subnet !== undefined);
  }

  /** Where nodes are, by their names, and the names of nodes that are no instances. */
  async #placesOf(nodes: readonly Node[]): Promise<{ readonly places: Places; readonly lost: readonly string[] }> {
    const places = await this.#options.nodes.places(nodes);
    const names = nodes.map(({ metadata }) => metadata.name ?? '');
    return { places, lost: names.filter((name) => !places.has(name)) };
  }

  #subnetsOf(places: Places): Promise<readonly SubnetFacts[]> {
    return this.#subnets([...places.values()].map(({ subnet }) => subnet));
  }
}

type Places = ReadonlyMap<string, NodePlace>;

const NO_SCTP = 'rules of OCI know the ports of TCP and UDP only: a node port of SCTP has to be let through by hand';

/** What lets nobody by, though all rules are there. */
function warningsOf(
  { mode, backendGroups }: SecurityAsked,
  places: Places,
  lost: readonly string[],
): readonly string[] {
  const outside = [...places].filter(([, { groups }]) => !groups.some((group) => backendGroups.includes(group)));
  const names = mode === 'NSG' ? outside.map(([name]) => name) : [];
  return [
    ...(lost.length === 0 ? [] : [notFound(lost)]),
    ...(names.length === 0
      ? []
      : [`${nodesNamed(names)} in none of the network security groups that the Service names for nodes`]),
  ];
}

const notFound = (names: readonly string[]): string =>
  `${nodesNamed(names)} no instance that was found: give spec.providerID, or an InternalIP that a VNIC of the compartment has`;

function nodesNamed(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(', ');
  return names.length === 1 ? `node ${shown} is` : `nodes ${shown}${names.length > 5 ? ', …' : ''} are`;
}

function noList({ id }: SubnetFacts, refused: readonly Wanted[]): ListProblem {
  const why = `subnet ${id} has no security list: give it one, or set oci.oraclecloud.com/security-rule-management-mode to NSG or None`;
  return { reason: 'SecurityListMissing', why, refused };
}
