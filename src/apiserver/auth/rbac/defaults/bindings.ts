/**
 * Who has which role from the start. https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings
 *
 * The last are those that kubeadm makes for joining nodes.
 */
import type { ClusterRoleBinding } from '../../../../api/rbac/v1/clusterrolebinding.ts';
import { AUTHENTICATED, UNAUTHENTICATED } from '../../user.ts';
import { account, give, group, user } from './words.ts';

const CSR = 'system:certificates.k8s.io:certificatesigningrequests';

export const DEFAULT_BINDINGS: readonly ClusterRoleBinding[] = [
  give('cluster-admin', [group('system:masters')]),
  give('system:basic-user', [group(AUTHENTICATED)]),
  give('system:discovery', [group(AUTHENTICATED)]),
  give('system:public-info-viewer', [group(AUTHENTICATED), group(UNAUTHENTICATED)]),
  give('system:service-account-issuer-discovery', [group('system:serviceaccounts')]),
  give('system:monitoring', [group('system:monitoring')]),
  give('system:kube-controller-manager', [user('system:kube-controller-manager')]),
  give('system:kube-scheduler', [user('system:kube-scheduler')]),
  give('system:volume-scheduler', [user('system:kube-scheduler')]),
  give('system:node-proxier', [user('system:kube-proxy')]),
  give('system:kube-dns', [account('kube-system', 'kube-dns')]),
  give('system:node', []),
  give('system:node-bootstrapper', [group('system:bootstrappers')], 'postern:node-bootstrapper'),
  give(`${CSR}:nodeclient`, [group('system:bootstrappers')], 'postern:node-autoapprove-bootstrap'),
  give(`${CSR}:selfnodeclient`, [group('system:nodes')], 'postern:node-autoapprove-certificate-rotation'),
];
