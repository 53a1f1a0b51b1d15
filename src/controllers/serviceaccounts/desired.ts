/** What every namespace has for its pods to know the API by. Pure. */
import { ConfigMap } from '../../api/core/v1/configmap.ts';
import type { Namespace } from '../../api/core/v1/namespace.ts';
import { DEFAULT_SERVICE_ACCOUNT, ServiceAccount } from '../../api/core/v1/serviceaccount.ts';
import { sameValue } from '../../api/value.ts';

/** The ConfigMap that pods find the certificate in. https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/ */
export const ROOT_CA = 'kube-root-ca.crt';
const CA_KEY = 'ca.crt';

/** The account of pods that name none. */
export function defaultAccount(namespace: string): ServiceAccount {
  return {
    apiVersion: ServiceAccount.apiVersion,
    kind: ServiceAccount.kind,
    metadata: { name: DEFAULT_SERVICE_ACCOUNT, namespace },
  };
}

/** The map that is to be there; undefined when `found` is as it should be. `rootCA` is PEM. */
export function rootCAMap(namespace: string, rootCA: string, found: ConfigMap | undefined): ConfigMap | undefined {
  const data = { [CA_KEY]: rootCA };
  if (found === undefined) {
    return {
      apiVersion: ConfigMap.apiVersion,
      kind: ConfigMap.kind,
      metadata: {
        name: ROOT_CA,
        namespace,
        annotations: { 'kubernetes.io/description': "The authority that signed the API server's certificate." },
      },
      data,
    };
  }
  return sameValue(found.data, data) ? undefined : { ...found, data };
}

/** Nothing new comes into a namespace that is going away. */
export function isActive({ metadata }: Namespace): boolean {
  return metadata.deletionTimestamp === undefined;
}
