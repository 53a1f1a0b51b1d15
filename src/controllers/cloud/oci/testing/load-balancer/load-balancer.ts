/** The load balancer service. https://docs.oracle.com/en-us/iaas/api/#/en/loadbalancer/20170115/ */
import type { models } from 'oci-loadbalancer';
import type { Plain } from '../../calls.ts';
import type { Check } from '../checks.ts';
import { oneOf } from '../checks.ts';
import type { Cloud } from '../cloud.ts';
import { notFound } from '../failure.ts';
import { lister, named } from '../lookup.ts';
import type { Asked, Operation } from '../operation.ts';
import type { WorkRequest } from '../work.ts';
import {
  backendSets,
  certificates,
  listeners,
  remove,
  updateGroups,
  updateLoadBalancer,
  updateShape,
} from './changes.ts';
import { createLoadBalancer, deleteLoadBalancer } from './life.ts';
import * as schemas from './schemas.ts';

const ID = 'loadBalancerId';
const PATH = `/loadBalancers/{${ID}}`;
const service = 'loadBalancer';
const etag = (cloud: Cloud, { path }: Asked) => cloud.loadBalancers.stored(path[ID] ?? '')?.etag;

interface Change {
  readonly name: string;
  readonly method: 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly body?: Check<object>;
  readonly handle: Operation['handle'];
}

/** All changes of a load balancer are work, which is accepted. */
const change = (details: Change): Operation => ({
  service,
  status: 204,
  takesIfMatch: true,
  takesRetryToken: details.method !== 'DELETE',
  etag,
  ...details,
});

/** As the API shows work. Its errors have one of two codes. */
function shown(request: WorkRequest): Plain<models.WorkRequest> {
  const { id, type, target, compartmentId, state, timeAccepted, timeFinished, errors } = request;
  return {
    id,
    type,
    loadBalancerId: target,
    compartmentId,
    lifecycleState: state,
    message: errors[0]?.message ?? `${type}: ${state}`,
    timeAccepted,
    ...(timeFinished === undefined ? {} : { timeFinished }),
    errorDetails: errors.map(({ code, message }) => ({
      errorCode: code === 'BAD_INPUT' ? code : 'INTERNAL_ERROR',
      message,
    })),
  };
}

const reads: readonly Operation[] = [
  {
    service,
    name: 'getLoadBalancer',
    method: 'GET',
    path: PATH,
    status: 200,
    answers: 'loadBalancer',
    handle: (cloud, asked) => {
      cloud.work.look(asked.path[ID]);
      const { value, etag } = named(cloud.loadBalancers, asked, ID);
      return { body: value, etag };
    },
  },
  lister({
    service,
    name: 'listLoadBalancers',
    path: '/loadBalancers',
    filters: ['displayName', 'lifecycleState'],
    also: { detail: { check: oneOf('full', 'simple') } },
    of: (cloud) => {
      cloud.work.look();
      return cloud.listed(cloud.loadBalancers.all());
    },
  }),
  {
    service,
    name: 'getWorkRequest',
    method: 'GET',
    path: '/loadBalancerWorkRequests/{workRequestId}',
    status: 200,
    answers: 'workRequest',
    handle: (cloud, { path }) => {
      const id = path['workRequestId'] ?? '';
      const target = cloud.work.get(id)?.target;
      cloud.work.look(target);
      const found = cloud.work.get(id);
      if (found?.service !== service) throw notFound(id);
      return { body: shown(found) };
    },
  },
];

const changes: readonly Change[] = [
  { name: 'deleteLoadBalancer', method: 'DELETE', path: PATH, handle: deleteLoadBalancer },
  {
    name: 'updateLoadBalancer',
    method: 'PUT',
    path: PATH,
    body: schemas.updateLoadBalancer,
    handle: updateLoadBalancer,
  },
  {
    name: 'updateLoadBalancerShape',
    method: 'PUT',
    path: `${PATH}/updateShape`,
    body: schemas.updateShape,
    handle: updateShape,
  },
  {
    name: 'updateNetworkSecurityGroups',
    method: 'PUT',
    path: `${PATH}/networkSecurityGroups`,
    body: schemas.updateGroups,
    handle: updateGroups,
  },
  {
    name: 'createBackendSet',
    method: 'POST',
    path: `${PATH}/backendSets`,
    body: schemas.createBackendSet,
    handle: backendSets.create,
  },
  {
    name: 'updateBackendSet',
    method: 'PUT',
    path: `${PATH}/backendSets/{backendSetName}`,
    body: schemas.updateBackendSet,
    handle: backendSets.update,
  },
  {
    name: 'deleteBackendSet',
    method: 'DELETE',
    path: `${PATH}/backendSets/{backendSetName}`,
    handle: remove('backendSets'),
  },
  {
    name: 'createListener',
    method: 'POST',
    path: `${PATH}/listeners`,
    body: schemas.createListener,
    handle: listeners.create,
  },
  {
    name: 'updateListener',
    method: 'PUT',
    path: `${PATH}/listeners/{listenerName}`,
    body: schemas.updateListener,
    handle: listeners.update,
  },
  { name: 'deleteListener', method: 'DELETE', path: `${PATH}/listeners/{listenerName}`, handle: remove('listeners') },
  {
    name: 'createCertificate',
    method: 'POST',
    path: `${PATH}/certificates`,
    body: schemas.createCertificate,
    handle: certificates.create,
  },
  {
    name: 'deleteCertificate',
    method: 'DELETE',
    path: `${PATH}/certificates/{certificateName}`,
    handle: remove('certificates'),
  },
];

export const loadBalancerOperations: readonly Operation[] = [
  {
    service,
    name: 'createLoadBalancer',
    method: 'POST',
    path: '/loadBalancers',
    body: schemas.createLoadBalancer,
    takesRetryToken: true,
    status: 202,
    handle: createLoadBalancer,
  },
  ...reads,
  ...changes.map(change),
];
