/** OCI's network load balancers: https://docs.oracle.com/en-us/iaas/api/#/en/networkloadbalancer/20200501/ */
import type { models } from 'oci-networkloadbalancer';
import { ignoreNotFound, type NetworkLoadBalancerCalls, type Plain } from '../../calls.ts';
import { allPages } from '../../pages.ts';
import type { Balancers, FoundBalancer, Work } from '../balancers.ts';
import type { Step } from '../model.ts';
import { actualOf, summaryOf } from './actual.ts';
import { backendSetDetails, createDetails, listenerDetails } from './details.ts';

type Wire = Plain<models.NetworkLoadBalancer>;

export function networkLoadBalancers(calls: NetworkLoadBalancerCalls, compartmentId: string): Balancers {
  return {
    type: 'nlb',
    list: async (name) => {
      const of = { compartmentId, ...(name === undefined ? {} : { displayName: name }) };
      const items = await allPages(async (page) => {
        const { networkLoadBalancerCollection, opcNextPage } = await calls.listNetworkLoadBalancers({ ...of, ...page });
        return { items: networkLoadBalancerCollection.items ?? [], opcNextPage };
      });
      return items.map(summaryOf);
    },
    read: async (id) => {
      const answer = await calls.getNetworkLoadBalancer({ networkLoadBalancerId: id }).catch(ignoreNotFound);
      return answer && found(answer.networkLoadBalancer, answer.etag, calls);
    },
    create: async (desired, options) => {
      const createNetworkLoadBalancerDetails = createDetails(desired, compartmentId, options);
      const answer = await calls.createNetworkLoadBalancer({
        createNetworkLoadBalancerDetails,
        opcRetryToken: options.token,
      });
      return answer.opcWorkRequestId;
    },
    remove: async (id) => {
      await calls.deleteNetworkLoadBalancer({ networkLoadBalancerId: id });
    },
    work: (id) => workOf(calls, id),
  };
}

async function workOf(calls: NetworkLoadBalancerCalls, workRequestId: string): Promise<Work | undefined> {
  const answer = await calls.getWorkRequest({ workRequestId }).catch(ignoreNotFound);
  if (answer === undefined) return undefined;
  const { status, resources = [], compartmentId } = answer.workRequest;
  if (status === 'SUCCEEDED') {
    const made = resources.find(({ identifier }) => identifier.startsWith('ocid1.networkloadbalancer.'));
    return { kind: 'done', loadBalancer: made?.identifier };
  }
  if (status !== 'FAILED' && status !== 'CANCELED') return { kind: 'running' };
  const errors = await calls.listWorkRequestErrors({ workRequestId, compartmentId }).catch(ignoreNotFound);
  const messages = (errors?.workRequestErrorCollection.items ?? []).map(({ message }) => message);
  return { kind: 'failed', why: messages.join('; ') || `work request ${workRequestId}: ${status}` };
}

function found(wire: Wire, ifMatch: string, calls: NetworkLoadBalancerCalls): FoundBalancer {
  return {
    actual: actualOf(wire),
    apply: async (step) => (await applied(step, wire, ifMatch, calls)).opcWorkRequestId,
  };
}

function applied(
  step: Step,
  wire: Wire,
  ifMatch: string,
  calls: NetworkLoadBalancerCalls,
): Promise<{ readonly opcWorkRequestId: string }> {
  const on = { networkLoadBalancerId: wire.id, ifMatch };
  switch (step.kind) {
    case 'create-backend-set': {
      const { name } = step.backendSet;
      return calls.createBackendSet({
        ...on,
        createBackendSetDetails: { name, ...backendSetDetails(step.backendSet) },
      });
    }
    case 'update-backend-set': {
      const { name } = step.backendSet;
      const updateBackendSetDetails = backendSetDetails(step.backendSet, wire.backendSets?.[name]);
      return calls.updateBackendSet({ ...on, backendSetName: name, updateBackendSetDetails });
    }
    case 'delete-backend-set':
      return calls.deleteBackendSet({ ...on, backendSetName: step.name });
    case 'create-listener': {
      const { name } = step.listener;
      return calls.createListener({ ...on, createListenerDetails: { name, ...listenerDetails(step.listener) } });
    }
    case 'update-listener': {
      const { name } = step.listener;
      const updateListenerDetails = listenerDetails(step.listener, wire.listeners?.[name]);
      return calls.updateListener({ ...on, listenerName: name, updateListenerDetails });
    }
    case 'delete-listener':
      return calls.deleteListener({ ...on, listenerName: step.name });
    case 'update-groups': {
      const updateNetworkSecurityGroupsDetails = { networkSecurityGroupIds: step.groups };
      return calls.updateNetworkSecurityGroups({ ...on, updateNetworkSecurityGroupsDetails });
    }
    case 'update-ip-version': {
      const updateNetworkLoadBalancerDetails = { nlbIpVersion: step.ipVersion };
      return calls.updateNetworkLoadBalancer({ ...on, updateNetworkLoadBalancerDetails });
    }
    case 'update-tags': {
      const updateNetworkLoadBalancerDetails = { freeformTags: step.freeform };
      return calls.updateNetworkLoadBalancer({ ...on, updateNetworkLoadBalancerDetails });
    }
    case 'create-certificate':
    case 'delete-certificate':
    case 'update-shape':
      throw new TypeError(`a network load balancer has none: ${step.kind}`);
  }
}
