/** What agents of nodes read and write, as data. A rule here is one that some part of an agent needs. */
import { announcerLeaseName } from '../../../api/metallb/v1beta1/announcer-lease.ts';
import { HEARTBEAT_SECRET_NAME, METALLB_NAMESPACE } from '../../../api/metallb/v1beta1/names.ts';

export interface NodeRule {
  readonly verbs: readonly string[];
  /** '' is the object itself, which is also what is meant when nothing is said. */
  readonly subresources?: readonly string[];
  /** Only in this namespace. */
  readonly namespace?: string;
  /**
   * Which objects: the one that is named as the node is; pods, selected by the node's name; what a pod of the node names, one by
   * one; Events about one object. Undefined: all.
   */
  readonly only?: 'own-name' | 'own-pods' | 'referenced' | 'about-one';
  /** What the object of a node is called, for `own-name`. Default: as the node. */
  readonly nameOf?: (node: string) => string;
}

const READ = ['get', 'list', 'watch'] as const;
const CHANGE = ['update', 'patch'] as const;
const READ_ALL: NodeRule = { verbs: READ };

/** By `GROUP/RESOURCE`. Whatever one of them allows is allowed. */
export const NODE_RULES: ReadonlyMap<string, readonly NodeRule[]> = new Map<string, readonly NodeRule[]>([
  // What is forwarded, announced, opened and named, and the way to other nodes.
  ['/services', [READ_ALL]],
  ['discovery.k8s.io/endpointslices', [READ_ALL]],
  [
    '/nodes',
    [
      READ_ALL,
      { verbs: ['create'] },
      { verbs: CHANGE, only: 'own-name' },
      { verbs: [...CHANGE, 'get'], subresources: ['status'], only: 'own-name' },
    ],
  ],
  ['metallb.io/ipaddresspools', [READ_ALL]],
  ['metallb.io/l2advertisements', [READ_ALL]],
  ['metallb.io/metallbs', [READ_ALL]],
  [
    'metallb.io/servicel2statuses',
    [
      READ_ALL,
      { verbs: ['create', ...CHANGE, 'delete'], namespace: METALLB_NAMESPACE },
      { verbs: CHANGE, subresources: ['status'], namespace: METALLB_NAMESPACE },
    ],
  ],
  // Signs of life, and those of the API servers.
  [
    'coordination.k8s.io/leases',
    [
      { verbs: ['get', 'create', ...CHANGE, 'delete'], namespace: 'kube-node-lease', only: 'own-name' },
      { verbs: READ, namespace: METALLB_NAMESPACE },
      {
        verbs: ['create', ...CHANGE, 'delete'],
        namespace: METALLB_NAMESPACE,
        only: 'own-name',
        nameOf: announcerLeaseName,
      },
      { verbs: READ, namespace: 'kube-system' },
    ],
  ],
  // What the node runs, and what that names.
  [
    '/pods',
    [
      { verbs: ['get'], only: 'referenced' },
      { verbs: ['list', 'watch'], only: 'own-pods' },
      { verbs: ['delete'], only: 'referenced' },
      { verbs: [...CHANGE, 'get'], subresources: ['status'], only: 'referenced' },
      { verbs: ['create'], subresources: ['eviction'], only: 'referenced' },
    ],
  ],
  [
    'kubevirt.io/virtualmachineinstances',
    [
      { verbs: READ, only: 'referenced' },
      { verbs: CHANGE, subresources: ['status'], only: 'referenced' },
    ],
  ],
  // The key that announcers sign heartbeats with, which the first of them makes.
  [
    '/secrets',
    [
      { verbs: ['get', 'create'], namespace: METALLB_NAMESPACE, only: 'own-name', nameOf: () => HEARTBEAT_SECRET_NAME },
      { verbs: READ, only: 'referenced' },
    ],
  ],
  ['/configmaps', [{ verbs: READ, only: 'referenced' }]],
  ['/serviceaccounts', [{ verbs: ['create'], subresources: ['token'] }]],
  ['/events', [{ verbs: ['create', ...CHANGE] }, { verbs: ['list'], only: 'about-one' }]],
  // The node's own certificate.
  ['certificates.k8s.io/certificatesigningrequests', [{ verbs: ['create', ...READ] }]],
]);
