/** Changes to what a network load balancer holds. Updates say only what is to be otherwise. */
import type { models } from 'oci-networkloadbalancer';
import type { Plain } from '../../calls.ts';
import type { Cloud, NetworkLoadBalancer } from '../cloud.ts';
import { alreadyExists, notFound } from '../failure.ts';
import type { Answer, Asked } from '../operation.ts';
import { present } from '../present.ts';
import { checkContents, checkUnused, keptBackendSet, keptListener } from './contents.ts';
import { acceptChange, changeable } from './life.ts';

type Change = (cloud: Cloud, asked: Asked) => Answer;

function change(cloud: Cloud, found: NetworkLoadBalancer, type: string, next: Partial<NetworkLoadBalancer>): Answer {
  checkContents(cloud, { ...found, ...next });
  return acceptChange(cloud, found, type, next);
}

export const createBackendSet: Change = (cloud, asked) => {
  const found = changeable(cloud, asked);
  const { name, ...details } = asked.body as Plain<models.CreateBackendSetDetails>;
  if (found.backendSets?.[name] !== undefined) throw alreadyExists(`Backend set ${name} is already there.`);
  return change(cloud, found, 'CREATE_BACKENDSET', {
    backendSets: { ...found.backendSets, [name]: keptBackendSet(name, details) },
  });
};

export const updateBackendSet: Change = (cloud, asked) => {
  const found = changeable(cloud, asked);
  const name = asked.path['backendSetName'] ?? '';
  const before = found.backendSets?.[name];
  if (before === undefined) throw notFound(name);
  const set = keptBackendSet(name, asked.body as Plain<models.UpdateBackendSetDetails>, before);
  return change(cloud, found, 'UPDATE_BACKENDSET', { backendSets: { ...found.backendSets, [name]: set } });
};

export const deleteBackendSet: Change = (cloud, asked) => {
  const found = changeable(cloud, asked);
  const name = asked.path['backendSetName'] ?? '';
  const { [name]: before, ...backendSets } = found.backendSets ?? {};
  if (before === undefined) throw notFound(name);
  checkUnused(name, found);
  return change(cloud, found, 'DELETE_BACKENDSET', { backendSets });
};

export const createListener: Change = (cloud, asked) => {
  const found = changeable(cloud, asked);
  const { name, ...details } = asked.body as Plain<models.CreateListenerDetails>;
  if (found.listeners?.[name] !== undefined) throw alreadyExists(`Listener ${name} is already there.`);
  return change(cloud, found, 'CREATE_LISTENER', {
    listeners: { ...found.listeners, [name]: keptListener(name, details) },
  });
};

export const updateListener: Change = (cloud, asked) => {
  const found = changeable(cloud, asked);
  const name = asked.path['listenerName'] ?? '';
  const before = found.listeners?.[name];
  if (before === undefined) throw notFound(name);
  const listener = keptListener(name, asked.body as Plain<models.UpdateListenerDetails>, before);
  return change(cloud, found, 'UPDATE_LISTENER', { listeners: { ...found.listeners, [name]: listener } });
};

export const deleteListener: Change = (cloud, asked) => {
  const found = changeable(cloud, asked);
  const name = asked.path['listenerName'] ?? '';
  const { [name]: before, ...listeners } = found.listeners ?? {};
  if (before === undefined) throw notFound(name);
  return change(cloud, found, 'DELETE_LISTENER', { listeners });
};

export const updateNetworkLoadBalancer: Change = (cloud, asked) => {
  const found = changeable(cloud, asked);
  const details = present(asked.body as Plain<models.UpdateNetworkLoadBalancerDetails>);
  const { subnetIpv6Cidr: _, assignedIpv6: __, reservedIpv6Id: ___, ...next } = details;
  return change(cloud, found, 'UPDATE_NETWORK_LOAD_BALANCER', next);
};

export const updateGroups: Change = (cloud, asked) => {
  const found = changeable(cloud, asked);
  const { networkSecurityGroupIds } = asked.body as Plain<models.UpdateNetworkSecurityGroupsDetails>;
  return change(cloud, found, 'UPDATE_NSGS', { networkSecurityGroupIds: networkSecurityGroupIds ?? [] });
};
