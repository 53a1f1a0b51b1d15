/** OCI's load balancers: https://docs.oracle.com/en-us/iaas/api/#/en/loadbalancer/20170115/ */
import type { models } from 'oci-loadbalancer';
import { ignoreNotFound, type LoadBalancerCalls, type Plain } from '../../calls.ts';
import { allPages } from '../../pages.ts';
import type { Balancers, FoundBalancer, Work } from '../balancers.ts';
import type { Certificates } from '../certificates.ts';
import type { Step } from '../model.ts';
import { actualOf, summaryOf } from './actual.ts';
import { backendSetDetails, certificateDetails, createDetails, listenerDetails, shapeDetails } from './details.ts';

type Wire = Plain<models.LoadBalancer>;

export function loadBalancers(calls: LoadBalancerCalls, compartmentId: string): Balancers {
  return {
    type: 'lb',
    list: async (name) => {
      const of = { compartmentId, ...(name === undefined ? {} : { displayName: name }) };
      const items = await allPages((page) => calls.listLoadBalancers({ ...of, ...page }));
      return items.map(summaryOf);
    },
    read: async (id) => {
      const answer = await calls.getLoadBalancer({ loadBalancerId: id }).catch(ignoreNotFound);
      return answer && found(answer.loadBalancer, answer.eTag, calls);
    },
    create: async (desired, options) => {
      const createLoadBalancerDetails = createDetails(desired, compartmentId, options);
      const answer = await calls.createLoadBalancer({ createLoadBalancerDetails, opcRetryToken: options.token });
      return answer.opcWorkRequestId;
    },
    remove: async (id) => {
      await calls.deleteLoadBalancer({ loadBalancerId: id });
    },
    work: (id) => workOf(calls, id),
  };
}

async function workOf(calls: LoadBalancerCalls, workRequestId: string): Promise<Work | undefined> {
  const answer = await calls.getWorkRequest({ workRequestId }).catch(ignoreNotFound);
  if (answer === undefined) return undefined;
  const { lifecycleState, loadBalancerId, errorDetails = [], message } = answer.workRequest;
  if (lifecycleState === 'SUCCEEDED') return { kind: 'done', loadBalancer: loadBalancerId };
  if (lifecycleState !== 'FAILED') return { kind: 'running' };
  return { kind: 'failed', why: errorDetails.map((error) => error.message).join('; ') || message };
}

function found(wire: Wire, ifMatch: string, calls: LoadBalancerCalls): FoundBalancer {
  return {
    actual: actualOf(wire),
    apply: async (step, certificates) => (await applied(step, { wire, ifMatch, certificates }, calls)).opcWorkRequestId,
  };
}

function applied(
  step: Step,
  {
    wire,
    ifMatch,
    certificates,
  }: { readonly wire: Wire; readonly ifMatch: string; readonly certificates: Certificates },
  calls: LoadBalancerCalls,
): Promise<{ readonly opcWorkRequestId: string }> {
  const on = { loadBalancerId: wire.id, ifMatch };
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
    case 'create-certificate': {
      const certificate = Object.values(certificates).find(({ name }) => name === step.name);
      if (certificate === undefined) throw new TypeError(`there is no certificate ${step.name}`);
      return calls.createCertificate({ ...on, createCertificateDetails: certificateDetails(certificate) });
    }
    case 'delete-certificate':
      return calls.deleteCertificate({ ...on, certificateName: step.name });
    case 'update-shape':
      return calls.updateLoadBalancerShape({ ...on, updateLoadBalancerShapeDetails: shapeDetails(step.shape) });
    case 'update-groups': {
      const updateNetworkSecurityGroupsDetails = { networkSecurityGroupIds: step.groups };
      return calls.updateNetworkSecurityGroups({ ...on, updateNetworkSecurityGroupsDetails });
    }
    case 'update-ip-version': {
      const ipMode = step.ipVersion === 'IPV4' ? 'IPV4' : 'IPV6';
      return calls.updateLoadBalancer({ ...on, updateLoadBalancerDetails: { ipMode } });
    }
    case 'update-tags':
      return calls.updateLoadBalancer({ ...on, updateLoadBalancerDetails: { freeformTags: step.freeform } });
  }
}
