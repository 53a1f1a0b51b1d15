/**
 * The roles for people: cluster-admin, and admin, edit and view of namespaces, whose rules are those of roles that are labelled so.
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/#user-facing-roles
 */
import type { ClusterRole } from '../../../../api/rbac/v1/clusterrole.ts';
import { type PolicyRule, RBAC_GROUP } from '../../../../api/rbac/v1/rules.ts';
import { may, READ, READ_WRITE, role, WRITE } from './words.ts';

const WORKLOADS = ['daemonsets', 'deployments', 'deployments/scale', 'replicasets', 'replicasets/scale'];
const SETS = ['statefulsets', 'statefulsets/scale'];
const POD_STREAMS = ['pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy'];

const ADMIN: readonly PolicyRule[] = [
  may(['create'], 'authorization.k8s.io', ['localsubjectaccessreviews']),
  may(READ_WRITE, RBAC_GROUP, ['rolebindings', 'roles']),
];

const EDIT: readonly PolicyRule[] = [
  may(READ, '', [...POD_STREAMS, 'secrets', 'services/proxy']),
  may(['impersonate'], '', ['serviceaccounts']),
  may(WRITE, '', ['pods', ...POD_STREAMS]),
  may(['create'], '', ['pods/eviction']),
  may(WRITE, '', [
    ...['configmaps', 'events', 'persistentvolumeclaims', 'replicationcontrollers', 'replicationcontrollers/scale'],
    ...['secrets', 'serviceaccounts', 'services', 'services/proxy'],
  ]),
  may(['create'], '', ['serviceaccounts/token']),
  may(WRITE, 'apps', [...WORKLOADS, 'deployments/rollback', ...SETS]),
  may(WRITE, 'autoscaling', ['horizontalpodautoscalers']),
  may(WRITE, 'batch', ['cronjobs', 'jobs']),
  may(WRITE, 'policy', ['poddisruptionbudgets']),
  may(WRITE, 'networking.k8s.io', ['ingresses', 'networkpolicies']),
  may(READ_WRITE, 'coordination.k8s.io', ['leases']),
];

const VIEW: readonly PolicyRule[] = [
  may(READ, '', [
    ...['configmaps', 'endpoints', 'persistentvolumeclaims', 'persistentvolumeclaims/status', 'pods'],
    ...['replicationcontrollers', 'replicationcontrollers/scale', 'serviceaccounts', 'services', 'services/status'],
  ]),
  may(READ, '', [
    ...['bindings', 'events', 'limitranges', 'namespaces/status', 'pods/log', 'pods/status'],
    ...['replicationcontrollers/status', 'resourcequotas', 'resourcequotas/status'],
  ]),
  may(READ, '', ['namespaces']),
  may(READ, 'discovery.k8s.io', ['endpointslices']),
  may(READ, 'apps', [
    ...['controllerrevisions', ...WORKLOADS, ...SETS],
    ...['daemonsets/status', 'deployments/status', 'replicasets/status', 'statefulsets/status'],
  ]),
  may(READ, 'autoscaling', ['horizontalpodautoscalers', 'horizontalpodautoscalers/status']),
  may(READ, 'batch', ['cronjobs', 'cronjobs/status', 'jobs', 'jobs/status']),
  may(READ, 'policy', ['poddisruptionbudgets', 'poddisruptionbudgets/status']),
  may(READ, 'networking.k8s.io', ['ingresses', 'ingresses/status', 'networkpolicies']),
];

const MACHINES = ['virtualmachines', 'virtualmachineinstances', 'virtualmachineinstancereplicasets'];
const USE_MACHINES: readonly PolicyRule[] = [
  may(['update'], 'subresources.kubevirt.io', [
    'virtualmachines/restart',
    'virtualmachines/start',
    'virtualmachines/stop',
  ]),
  may(READ_WRITE, 'kubevirt.io', [...MACHINES, 'virtualmachineinstancereplicasets/scale']),
];
/** Of MetalLB, those that there can be objects of. */
const LOAD_BALANCING = ['ipaddresspools', 'l2advertisements'];

/** Of the groups that Kubernetes lets others add, under the names that KubeVirt's own roles have. */
const OF_GUESTS_AND_ADDRESSES: readonly ClusterRole[] = [
  role('kubevirt.io:admin', USE_MACHINES, { in: 'admin' }),
  role('kubevirt.io:edit', USE_MACHINES, { in: 'edit' }),
  role('kubevirt.io:view', [may(READ, 'kubevirt.io', MACHINES)], { in: 'view' }),
  role('metallb.io:edit', [may(WRITE, 'metallb.io', LOAD_BALANCING)], { in: 'edit' }),
  role('metallb.io:view', [may(READ, 'metallb.io', [...LOAD_BALANCING, 'servicel2statuses'])], { in: 'view' }),
];

export const USER_ROLES: readonly ClusterRole[] = [
  role('cluster-admin', [
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
    { verbs: ['*'], nonResourceURLs: ['*'] },
  ]),
  role('system:aggregate-to-admin', ADMIN, { in: 'admin' }),
  role('system:aggregate-to-edit', EDIT, { in: 'edit' }),
  role('system:aggregate-to-view', VIEW, { in: 'view' }),
  ...OF_GUESTS_AND_ADDRESSES,
  // Each after those that it is made of.
  role('view', [], { of: 'view', in: 'edit' }),
  role('edit', [], { of: 'edit', in: 'admin' }),
  role('admin', [], { of: 'admin' }),
];
