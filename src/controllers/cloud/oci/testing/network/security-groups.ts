import type { models } from 'oci-core';
import type { Plain } from '../../calls.ts';
import { oneOf } from '../checks.ts';
import type { Cloud, NetworkSecurityGroup, SecurityRule } from '../cloud.ts';
import { conflict, invalid, limitExceeded, notFound, relatedNotFound } from '../failure.ts';
import { checkCompartment, lister, named } from '../lookup.ts';
import type { Asked, Operation } from '../operation.ts';
import { filtered, PAGE_QUERY, paged } from '../pages.ts';
import { present } from '../present.ts';
import { addSecurityRules, createNetworkSecurityGroup, removeSecurityRules, updateSecurityRules } from './schemas.ts';

const PATH = '/networkSecurityGroups/{networkSecurityGroupId}';
const ID = 'networkSecurityGroupId';

function rulesOf(cloud: Cloud, asked: Asked): { id: string; rules: readonly SecurityRule[] } {
  const { id } = named(cloud.networkSecurityGroups, asked, ID).value;
  return { id, rules: cloud.securityRules.get(id) ?? [] };
}

/** Whose traffic goes by the rules of a group: it cannot be deleted before they have left it. */
function membersOf(cloud: Cloud, id: string): readonly string[] {
  const balancers = [...cloud.loadBalancers.all(), ...cloud.networkLoadBalancers.all()];
  return [
    ...cloud.vnics.all().filter(({ nsgIds }) => nsgIds?.includes(id)),
    ...balancers.filter((one) => one.lifecycleState !== 'DELETED' && one.networkSecurityGroupIds?.includes(id)),
  ].map((member) => member.id);
}

function checkBatch(cloud: Cloud, count: number): void {
  const most = cloud.limits.rulesPerNetworkSecurityGroupCall;
  if (count > most) throw invalid(`${count} rules in one call; there may be ${most}.`);
}

/** A rule that names a group must name one that is there. */
function checkPeers(cloud: Cloud, rule: Plain<models.AddSecurityRuleDetails>): void {
  const group =
    rule.sourceType === 'NETWORK_SECURITY_GROUP'
      ? rule.source
      : rule.destinationType === 'NETWORK_SECURITY_GROUP'
        ? rule.destination
        : undefined;
  if (group !== undefined && cloud.networkSecurityGroups.get(group) === undefined) throw relatedNotFound(group);
}

function kept(cloud: Cloud, rule: Plain<models.AddSecurityRuleDetails>): SecurityRule {
  checkPeers(cloud, rule);
  const peer =
    rule.direction === 'INGRESS'
      ? { sourceType: rule.sourceType ?? 'CIDR_BLOCK' }
      : { destinationType: rule.destinationType ?? 'CIDR_BLOCK' };
  const id = cloud.next().toString(16).toUpperCase().padStart(6, '0');
  return {
    ...present(rule),
    ...peer,
    isStateless: rule.isStateless ?? false,
    isValid: true,
    timeCreated: cloud.now(),
    id,
  };
}

function add(cloud: Cloud, asked: Asked) {
  const { id, rules } = rulesOf(cloud, asked);
  const details = asked.body as Plain<models.AddNetworkSecurityGroupSecurityRulesDetails>;
  const added = (details.securityRules ?? []).map((rule) => kept(cloud, rule));
  checkBatch(cloud, added.length);
  const most = cloud.limits.rulesPerNetworkSecurityGroup;
  if (rules.length + added.length > most) {
    throw limitExceeded(
      `Network security group ${id} would have ${rules.length + added.length} rules; it may have ${most}.`,
    );
  }
  cloud.securityRules.set(id, [...rules, ...added]);
  return { body: { securityRules: added } };
}

function remove(cloud: Cloud, asked: Asked) {
  const { id, rules } = rulesOf(cloud, asked);
  const { securityRuleIds = [] } = asked.body as Plain<models.RemoveNetworkSecurityGroupSecurityRulesDetails>;
  checkBatch(cloud, securityRuleIds.length);
  for (const wanted of securityRuleIds) if (!rules.some((rule) => rule.id === wanted)) throw notFound(wanted);
  cloud.securityRules.set(
    id,
    rules.filter((rule) => rule.id === undefined || !securityRuleIds.includes(rule.id)),
  );
  return {};
}

function update(cloud: Cloud, asked: Asked) {
  const { id, rules } = rulesOf(cloud, asked);
  const { securityRules = [] } = asked.body as Plain<models.UpdateNetworkSecurityGroupSecurityRulesDetails>;
  checkBatch(cloud, securityRules.length);
  const changed = new Map<string, SecurityRule>();
  for (const rule of securityRules) {
    const before = rules.find((other) => other.id === rule.id);
    if (before === undefined) throw notFound(rule.id);
    changed.set(rule.id, { ...kept(cloud, rule), id: rule.id, ...timeOf(before) });
  }
  cloud.securityRules.set(
    id,
    rules.map((rule) => changed.get(rule.id ?? '') ?? rule),
  );
  return { body: { securityRules: [...changed.values()] } };
}

const timeOf = ({ timeCreated }: SecurityRule) => (timeCreated === undefined ? {} : { timeCreated });

function create(cloud: Cloud, asked: Asked) {
  const details = asked.body as Plain<models.CreateNetworkSecurityGroupDetails>;
  checkCompartment(cloud, details.compartmentId);
  if (cloud.vcns.get(details.vcnId) === undefined) throw relatedNotFound(details.vcnId);
  const id = cloud.newId('networksecuritygroup');
  const displayName = details.displayName ?? `networksecuritygroup${cloud.next()}`;
  const made: NetworkSecurityGroup = {
    freeformTags: {},
    ...details,
    definedTags: cloud.definedTags(details.definedTags),
    id,
    displayName,
    lifecycleState: 'AVAILABLE',
    timeCreated: cloud.now(),
  };
  cloud.securityRules.set(id, []);
  const { value, etag } = cloud.networkSecurityGroups.put(made);
  return { body: value, etag, isThere: () => cloud.networkSecurityGroups.get(id) !== undefined };
}

export const securityGroupOperations: readonly Operation[] = [
  lister({
    service: 'network',
    name: 'listNetworkSecurityGroups',
    path: '/networkSecurityGroups',
    filters: ['vcnId', 'displayName', 'lifecycleState'],
    of: (cloud) => cloud.networkSecurityGroups.all(),
  }),
  {
    service: 'network',
    name: 'createNetworkSecurityGroup',
    method: 'POST',
    path: '/networkSecurityGroups',
    body: createNetworkSecurityGroup,
    takesRetryToken: true,
    status: 200,
    answers: 'networkSecurityGroup',
    handle: create,
  },
  {
    service: 'network',
    name: 'deleteNetworkSecurityGroup',
    method: 'DELETE',
    path: PATH,
    takesIfMatch: true,
    etag: (cloud, { path }) => cloud.networkSecurityGroups.stored(path[ID] ?? '')?.etag,
    status: 204,
    handle: (cloud, asked) => {
      const { id } = named(cloud.networkSecurityGroups, asked, ID).value;
      const members = membersOf(cloud, id);
      if (members.length > 0) throw conflict(`Network security group ${id} is in use by ${members.join(', ')}.`);
      cloud.networkSecurityGroups.delete(id);
      cloud.securityRules.delete(id);
      return {};
    },
  },
  {
    service: 'network',
    name: 'listNetworkSecurityGroupSecurityRules',
    method: 'GET',
    path: `${PATH}/securityRules`,
    query: { ...PAGE_QUERY, direction: { check: oneOf('EGRESS', 'INGRESS') } },
    status: 200,
    answers: 'items',
    handle: (cloud, asked, size) => {
      const { rules } = rulesOf(cloud, asked);
      const { items, ...next } = paged(filtered(rules, asked, ['direction']), asked, size);
      return { body: items, ...next };
    },
  },
  {
    service: 'network',
    name: 'addNetworkSecurityGroupSecurityRules',
    method: 'POST',
    path: `${PATH}/actions/addSecurityRules`,
    body: addSecurityRules,
    status: 200,
    answers: 'addedNetworkSecurityGroupSecurityRules',
    handle: add,
  },
  {
    service: 'network',
    name: 'removeNetworkSecurityGroupSecurityRules',
    method: 'POST',
    path: `${PATH}/actions/removeSecurityRules`,
    body: removeSecurityRules,
    status: 204,
    handle: remove,
  },
  {
    service: 'network',
    name: 'updateNetworkSecurityGroupSecurityRules',
    method: 'POST',
    path: `${PATH}/actions/updateSecurityRules`,
    body: updateSecurityRules,
    status: 200,
    answers: 'updatedNetworkSecurityGroupSecurityRules',
    handle: update,
  },
];
