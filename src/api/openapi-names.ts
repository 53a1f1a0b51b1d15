/** Names of definitions in the OpenAPI documents. */
import type { AnyKind } from './kinds.ts';

/** Package of the definitions of meta/v1. */
export const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';

/** The name of a kind's definition: `io.k8s.api.core.v1.Service`, `io.metallb.v1beta1.IPAddressPool`. */
export function definitionName(kind: AnyKind): string {
  const { group, version } = kind;
  if (group === '' || !group.includes('.'))
    return `io.k8s.api.${group === '' ? 'core' : group}.${version}.${kind.kind}`;
  if (group.endsWith('.k8s.io')) return `io.k8s.api.${group.slice(0, group.indexOf('.'))}.${version}.${kind.kind}`;
  return `${group.split('.').reverse().join('.')}.${version}.${kind.kind}`;
}
