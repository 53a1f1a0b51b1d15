/** The network load balancer service. https://docs.oracle.com/en-us/iaas/api/#/en/networkloadbalancer/20200501/ */
import type { models } from 'oci-networkloadbalancer';
import type { Plain } from '../../calls.ts';
import type { Check } from '../checks.ts';
import type { Cloud } from '../cloud.ts';
import { notFound } from '../failure.ts';
import { COMPARTMENT_QUERY, lister, named } from '../lookup.ts';
import type { Asked, Operation } from '../operation.ts';
import { PAGE_QUERY, paged } from '../pages.ts';
import type { WorkRequest } from '../work.ts';
import * as changes from './changes.ts';
import { createNetworkLoadBalancer, deleteNetworkLoadBalancer } from './life.ts';
import * as schemas from './schemas.ts';

const ID = 'networkLoadBalancerId';
const PATH = `/networkLoadBalancers/{${ID}}`;
const service = 'networkLoadBalancer';
const etag = (cloud: Cloud, { path }: Asked) => cloud.networkLoadBalancers.stored(path[ID] ?? '')?.etag;

function shown(request: WorkRequest): Plain<models.WorkRequest> {
  const { id, type, target, compartmentId, state, timeAccepted, timeStarted, timeFinished } = request;
  return {
    id,
    operationType: type as Plain<models.OperationType>,
    status: state,
    compartmentId,
    resources: [
      {
        entityType: 'NetworkLoadBalancer',
        actionType: actionOf(request),
        identifier: target,
        entityUri: `/networkLoadBalancers/${target}`,
      },
    ],
    percentComplete: timeFinished === undefined ? 50 : 100,
    timeAccepted,
    ...(timeStarted === undefined ? {} : { timeStarted }),
    ...(timeFinished === undefined ? {} : { timeFinished }),
  };
}

function actionOf({ state, type }: WorkRequest): Plain<models.ActionType> {
  if (state !== 'SUCCEEDED') return 'IN_PROGRESS';
  if (type === 'CREATE_NETWORK_LOAD_BALANCER') return 'CREATED';
  return type === 'DELETE_NETWORK_LOAD_BALANCER' ? 'DELETED' : 'UPDATED';
}

/** Work of this service, as it is now that somebody looks. */
function workOf(cloud: Cloud, { path }: Asked): WorkRequest {
  const id = path['workRequestId'] ?? '';
  cloud.work.look(cloud.work.get(id)?.target);
  const found = cloud.work.get(id);
  if (found?.service !== service) throw notFound(id);
  return found;
}

/** Lists of this service are one deeper than elsewhere. */
function collections(operation: Operation, answers: string): Operation {
  return {
    ...operation,
    answers,
    handle: (cloud, asked, size) => {
      const { body, ...rest } = operation.handle(cloud, asked, size);
      return { ...rest, body: { items: body } };
    },
  };
}

const reads: readonly Operation[] = [
  {
    service,
    name: 'getNetworkLoadBalancer',
    method: 'GET',
    path: PATH,
    status: 200,
    answers: 'networkLoadBalancer',
    handle: (cloud, asked) => {
      cloud.work.look(asked.path[ID]);
      const { value, etag } = named(cloud.networkLoadBalancers, asked, ID);
      return { body: value, etag };
    },
  },
  collections(
    lister({
      service,
      name: 'listNetworkLoadBalancers',
      path: '/networkLoadBalancers',
      filters: ['displayName', 'lifecycleState'],
      of: (cloud) => {
        cloud.work.look();
        return cloud.listed(cloud.networkLoadBalancers.all());
      },
    }),
    'networkLoadBalancerCollection',
  ),
  {
    service,
    name: 'getWorkRequest',
    method: 'GET',
    path: '/workRequests/{workRequestId}',
    status: 200,
    answers: 'workRequest',
    handle: (cloud, asked) => ({ body: shown(workOf(cloud, asked)), retryAfter: 1 }),
  },
  collections(
    {
      service,
      name: 'listWorkRequestErrors',
      method: 'GET',
      path: '/workRequests/{workRequestId}/errors',
      query: { limit: PAGE_QUERY.limit, page: PAGE_QUERY.page, ...COMPARTMENT_QUERY },
      status: 200,
      handle: (cloud, asked, size) => {
        const { errors, timeFinished, timeAccepted } = workOf(cloud, asked);
        const timestamp = timeFinished ?? timeAccepted;
        const { items, ...next } = paged(
          errors.map((error) => ({ ...error, timestamp })),
          asked,
          size,
        );
        return { body: items, ...next };
      },
    },
    'workRequestErrorCollection',
  ),
];

type Row = readonly [
  name: string,
  method: 'POST' | 'PUT' | 'DELETE',
  path: string,
  handle: Operation['handle'],
  body?: Check<object>,
];

const CHANGES: readonly Row[] = [
  ['updateNetworkLoadBalancer', 'PUT', PATH, changes.updateNetworkLoadBalancer, schemas.updateNetworkLoadBalancer],
  ['deleteNetworkLoadBalancer', 'DELETE', PATH, deleteNetworkLoadBalancer],
  ['updateNetworkSecurityGroups', 'PUT', `${PATH}/networkSecurityGroups`, changes.updateGroups, schemas.updateGroups],
  ['createBackendSet', 'POST', `${PATH}/backendSets`, changes.createBackendSet, schemas.createBackendSet],
  [
    'updateBackendSet',
    'PUT',
    `${PATH}/backendSets/{backendSetName}`,
    changes.updateBackendSet,
    schemas.updateBackendSet,
  ],
  ['deleteBackendSet', 'DELETE', `${PATH}/backendSets/{backendSetName}`, changes.deleteBackendSet],
  ['createListener', 'POST', `${PATH}/listeners`, changes.createListener, schemas.createListener],
  ['updateListener', 'PUT', `${PATH}/listeners/{listenerName}`, changes.updateListener, schemas.updateListener],
  ['deleteListener', 'DELETE', `${PATH}/listeners/{listenerName}`, changes.deleteListener],
];

/** All changes are work, which is accepted. Only some of them take a retry token. */
const change = ([name, method, path, handle, body]: Row): Operation => ({
  service,
  name,
  method,
  path,
  handle,
  status: 202,
  takesIfMatch: true,
  takesRetryToken: method !== 'DELETE' && name !== 'updateNetworkLoadBalancer',
  etag,
  ...(body === undefined ? {} : { body }),
});

export const networkLoadBalancerOperations: readonly Operation[] = [
  {
    service,
    name: 'createNetworkLoadBalancer',
    method: 'POST',
    path: '/networkLoadBalancers',
    body: schemas.createNetworkLoadBalancer,
    takesRetryToken: true,
    status: 201,
    answers: 'networkLoadBalancer',
    handle: createNetworkLoadBalancer,
  },
  ...reads,
  ...CHANGES.map(change),
];
