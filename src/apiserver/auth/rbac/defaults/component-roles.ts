/**
 * The roles for everybody, and for components that Kubernetes has. Those of its own controllers, `system:controller:…`, are not
 * among them: the controllers here are one user.
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/#core-component-roles
 */
import type { ClusterRole } from '../../../../api/rbac/v1/clusterrole.ts';
import type { PolicyRule } from '../../../../api/rbac/v1/rules.ts';
import { FOLLOW, may, mayGet, READ, role, TELL_EVENTS } from './words.ts';

const REVIEWS: readonly PolicyRule[] = [
  may(['create'], 'authentication.k8s.io', ['tokenreviews']),
  may(['create'], 'authorization.k8s.io', ['subjectaccessreviews']),
];
const HEALTH = ['/healthz', '/livez', '/readyz'];
const VERSION = ['/version', '/version/'];
const CSR = 'certificates.k8s.io';
const REQUESTS = 'certificatesigningrequests';

/** A Lease of a component's own, by which its instances elect one. */
const ownLease = (name: string): readonly PolicyRule[] => [
  may(['create'], 'coordination.k8s.io', ['leases']),
  may(['get', 'update'], 'coordination.k8s.io', ['leases'], [name]),
];

const EVERYBODY: readonly ClusterRole[] = [
  role('system:basic-user', [
    may(['create'], 'authorization.k8s.io', ['selfsubjectaccessreviews', 'selfsubjectrulesreviews']),
    may(['create'], 'authentication.k8s.io', ['selfsubjectreviews']),
  ]),
  role('system:discovery', [
    mayGet('/api', '/api/*', '/apis', '/apis/*', ...HEALTH, '/openapi', '/openapi/*', ...VERSION),
  ]),
  role('system:public-info-viewer', [mayGet(...HEALTH, ...VERSION)]),
  role('system:service-account-issuer-discovery', [mayGet('/.well-known/openid-configuration', '/openid/v1/jwks')]),
];

const OBSERVERS: readonly ClusterRole[] = [
  role('system:monitoring', [mayGet(...HEALTH, ...HEALTH.map((path) => `${path}/*`), '/metrics', '/metrics/slis')]),
  role('system:heapster', [
    may(READ, '', ['events', 'namespaces', 'nodes', 'pods']),
    may(READ, 'extensions', ['deployments']),
  ]),
  role('system:auth-delegator', REVIEWS),
  role('system:kube-aggregator', [may(READ, '', ['endpoints', 'services'])]),
];

const NODES: readonly ClusterRole[] = [
  role('system:node', [
    ...REVIEWS,
    may(['create'], 'authorization.k8s.io', ['localsubjectaccessreviews']),
    may(READ, '', ['services']),
    may(['create', ...READ, 'patch', 'update'], '', ['nodes']),
    may(['patch', 'update'], '', ['nodes/status']),
    may(['create', 'patch', 'update'], '', ['events']),
    may([...READ, 'create', 'delete'], '', ['pods']),
    may(['patch', 'update'], '', ['pods/status']),
    may(['create'], '', ['pods/eviction']),
    may(READ, '', ['configmaps', 'secrets']),
    may(['get'], '', ['persistentvolumeclaims', 'persistentvolumes']),
    may(['get', 'patch', 'update'], '', ['persistentvolumeclaims/status']),
    may(['get'], '', ['endpoints']),
    may(['create', ...READ], CSR, [REQUESTS]),
    may(['create', 'delete', 'get', 'patch', 'update'], 'coordination.k8s.io', ['leases']),
    may(['create'], '', ['serviceaccounts/token']),
    may(['get'], 'storage.k8s.io', ['volumeattachments']),
    may(READ, 'storage.k8s.io', ['csidrivers']),
    may(['create', 'delete', 'get', 'patch', 'update'], 'storage.k8s.io', ['csinodes']),
    may(READ, 'node.k8s.io', ['runtimeclasses']),
  ]),
  role('system:node-proxier', [
    may(FOLLOW, '', ['endpoints', 'services']),
    may(READ, '', ['nodes']),
    TELL_EVENTS,
    may(FOLLOW, 'discovery.k8s.io', ['endpointslices']),
    may(FOLLOW, 'networking.k8s.io', ['servicecidrs']),
  ]),
  role('system:node-problem-detector', [
    may(['get'], '', ['nodes']),
    may(['patch'], '', ['nodes/status']),
    TELL_EVENTS,
  ]),
  role('system:kubelet-api-admin', [
    may(READ, '', ['nodes']),
    may(['proxy'], '', ['nodes']),
    may(['*'], '', [
      'nodes/configz',
      'nodes/healthz',
      'nodes/log',
      'nodes/metrics',
      'nodes/pods',
      'nodes/proxy',
      'nodes/stats',
    ]),
  ]),
  role('system:node-bootstrapper', [may(['create', ...READ], CSR, [REQUESTS])]),
];

const SIGNERS: readonly ClusterRole[] = [
  role(`system:${CSR}:${REQUESTS}:nodeclient`, [may(['create'], CSR, [`${REQUESTS}/nodeclient`])]),
  role(`system:${CSR}:${REQUESTS}:selfnodeclient`, [may(['create'], CSR, [`${REQUESTS}/selfnodeclient`])]),
  ...['kube-apiserver-client', 'kube-apiserver-client-kubelet', 'kubelet-serving', 'legacy-unknown'].map((signer) =>
    role(`system:${CSR}:${signer}-approver`, [may(['approve'], CSR, ['signers'], [`kubernetes.io/${signer}`])]),
  ),
];

const CONTROL_PLANE: readonly ClusterRole[] = [
  role('system:kube-controller-manager', [
    TELL_EVENTS,
    ...ownLease('kube-controller-manager'),
    may(['create', 'get', 'update'], '', ['secrets', 'serviceaccounts']),
    may(['delete'], '', ['secrets']),
    may(['get'], '', ['configmaps', 'namespaces']),
    ...REVIEWS,
    may(FOLLOW, '*', ['*']),
    may(['create'], '', ['serviceaccounts/token']),
  ]),
  role('system:kube-scheduler', [
    TELL_EVENTS,
    ...ownLease('kube-scheduler'),
    may(READ, '', [
      'namespaces',
      'nodes',
      'persistentvolumeclaims',
      'persistentvolumes',
      'replicationcontrollers',
      'services',
    ]),
    may(['delete', ...READ], '', ['pods']),
    may(['create'], '', ['bindings', 'pods/binding']),
    may(['patch', 'update'], '', ['pods/status']),
    may(READ, 'apps', ['replicasets', 'statefulsets']),
    may(READ, 'policy', ['poddisruptionbudgets']),
    may(READ, 'storage.k8s.io', ['csidrivers', 'csinodes', 'csistoragecapacities']),
    ...REVIEWS,
  ]),
  role('system:volume-scheduler', [
    may([...READ, 'patch', 'update'], '', ['persistentvolumeclaims', 'persistentvolumes']),
    may(READ, 'storage.k8s.io', ['storageclasses']),
  ]),
  role('system:persistent-volume-provisioner', [
    may(['create', 'delete', ...READ], '', ['persistentvolumes']),
    may([...READ, 'update'], '', ['persistentvolumeclaims']),
    may(READ, 'storage.k8s.io', ['storageclasses']),
    may(['watch'], '', ['events']),
    TELL_EVENTS,
  ]),
  role('system:kube-dns', [may(FOLLOW, '', ['endpoints', 'services'])]),
];

export const COMPONENT_ROLES: readonly ClusterRole[] = [
  ...EVERYBODY,
  ...OBSERVERS,
  ...NODES,
  ...SIGNERS,
  ...CONTROL_PLANE,
];
