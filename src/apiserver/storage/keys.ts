/**
 * Where objects are in the store: Kubernetes' own layout, so that tools that read an API server's store find their way.
 * The exceptions are as old as Kubernetes (pkg/registry and `--etcd-prefix`).
 */
import type { AnyKind } from '../../api/kinds.ts';

const ROOT = '/registry';

/** Resources whose folder is not named by their plural. */
const FOLDERS: Readonly<Record<string, string>> = {
  services: 'services/specs',
  nodes: 'minions',
};

/** Begins the key of every object of a kind; ends with `/`. */
export function kindPrefix(kind: AnyKind): string {
  const builtIn = kind.group === '' || kind.group.endsWith('.k8s.io');
  if (!builtIn) return `${ROOT}/${kind.group}/${kind.plural}/`;
  const folder = kind.group === '' ? FOLDERS[kind.plural] : undefined;
  return `${ROOT}/${folder ?? kind.plural}/`;
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
