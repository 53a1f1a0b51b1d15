/**
 * Where objects are in the store: Kubernetes' own layout, so that tools that read an API server's store find their way.
 * The exceptions are as old as Kubernetes (its pkg/kubeapiserver/default_storage_factory_builder.go). `docs/graduation.md` says
 * what that is good for.
 */
import type { AnyKind } from '../../api/kinds.ts';

/** What all keys begin with; in etcd another beginning may stand in its place. */
export const ROOT = '/registry';

/** Core resources whose folder is not named by their plural. */
const FOLDERS: Readonly<Record<string, string>> = {
  services: 'services/specs',
  endpoints: 'services/endpoints',
  nodes: 'minions',
  replicationcontrollers: 'controllers',
};

/** Kubernetes' own groups, besides those that end in `.k8s.io`: their folders do not have the group in them. */
const SHORT_GROUPS: ReadonlySet<string> = new Set(['', 'apps', 'autoscaling', 'batch', 'policy']);

/** Groups in `.k8s.io` whose API servers Kubernetes has beside its own, with folders as custom resources have them. */
const LONG_GROUPS: ReadonlySet<string> = new Set(['apiextensions.k8s.io', 'apiregistration.k8s.io']);

/** Begins the key of every object of a kind; ends with `/`. */
export function kindPrefix({ group, plural }: Pick<AnyKind, 'group' | 'plural'>): string {
  const builtIn = SHORT_GROUPS.has(group) || (group.endsWith('.k8s.io') && !LONG_GROUPS.has(group));
  if (!builtIn) return `${ROOT}/${group}/${plural}/`;
  const folder = group === '' ? FOLDERS[plural] : undefined;
  return `${ROOT}/${folder ?? plural}/`;
}

/** Begins the key of every object of a kind in a namespace, or everywhere when there is none; ends with `/`. */
export function listPrefix(kind: AnyKind, namespace: string | undefined): string {
  return namespace === undefined ? kindPrefix(kind) : `${kindPrefix(kind)}${namespace}/`;
}

/** The key of one object. */
export function objectKey(kind: AnyKind, namespace: string | undefined, name: string): string {
  return listPrefix(kind, kind.namespaced ? namespace : undefined) + name;
}

/** The key whose existence says that a node port is taken. The value is a {@link PortClaim}. */
export function nodePortKey(port: number): string {
  return `${NODE_PORTS}${port}`;
}

export const NODE_PORTS = `${ROOT}/postern.dev/nodeports/`;

/** Written with every change of an IPAddressPool's ranges, so that no two changes miss each other. */
export const POOL_RANGES = `${ROOT}/postern.dev/pool-ranges`;

/** What servers on one store must have in common: the authority of their certificates. */
export const CLUSTER_AUTHORITY = `${ROOT}/postern.dev/authority`;

/** Likewise, the prefixes that nodes are given theirs from. */
export const CLUSTER_CIDRS = `${ROOT}/postern.dev/cluster-cidrs`;
