/** Whom a pod is to the API, and where its containers find what proves it. Pure but for the random name of a volume. */
import type { Container, PodSpec } from '../../api/core/v1/pod-spec.ts';
import type { ServiceAccount } from '../../api/core/v1/serviceaccount.ts';
import type { Volume } from '../../api/core/v1/volume.ts';
import { randomSuffix } from '../verbs/create.ts';

/** Where clients in containers look: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/ */
const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
const VOLUME_PREFIX = 'kube-api-access-';
/** The ConfigMap with the certificate that the API's own is checked with. Every namespace has one. */
export const ROOT_CA = 'kube-root-ca.crt';
/** Seconds: an hour, and seven by which Kubernetes tells these tokens from those that were asked for. */
const TOKEN_SECONDS = 3607;

/** The spec with its account, the account's image pull secrets where it has none, and a token where one is wanted. */
export function withAccount(spec: PodSpec, account: ServiceAccount, random: () => number): PodSpec {
  const { name = '' } = account.metadata;
  const secrets = spec.imagePullSecrets ?? [];
  const pullSecrets = secrets.length > 0 ? secrets : (account.imagePullSecrets ?? []);
  const named = {
    ...spec,
    serviceAccountName: name,
    serviceAccount: name,
    ...(pullSecrets.length > 0 ? { imagePullSecrets: pullSecrets } : {}),
  };
  const wantsToken = spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
  return wantsToken ? withToken(named, random) : named;
}

function withToken(spec: PodSpec, random: () => number): PodSpec {
  const { containers = [], initContainers = [], volumes = [] } = spec;
  if ([...containers, ...initContainers].every(hasToken)) return spec;
  const found = volumes.find(({ name, projected }) => name.startsWith(VOLUME_PREFIX) && projected !== undefined);
  const volume = found ?? tokenVolume(VOLUME_PREFIX + randomSuffix(random));
  const mounted = (container: Container) => (hasToken(container) ? container : withMount(container, volume.name));
  return {
    ...spec,
    ...(found === undefined ? { volumes: [...volumes, volume] } : {}),
    ...(containers.length > 0 ? { containers: containers.map(mounted) } : {}),
    ...(initContainers.length > 0 ? { initContainers: initContainers.map(mounted) } : {}),
  };
}

function hasToken({ volumeMounts = [] }: Container): boolean {
  return volumeMounts.some(({ mountPath }) => mountPath === MOUNT_PATH);
}

function withMount(container: Container, name: string): Container {
  const mount = { name, readOnly: true, mountPath: MOUNT_PATH };
  return { ...container, volumeMounts: [...(container.volumeMounts ?? []), mount] };
}

function tokenVolume(name: string): Volume {
  const fieldRef = { apiVersion: 'v1', fieldPath: 'metadata.namespace' };
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: 'token' } },
        { configMap: { name: ROOT_CA, items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: [{ path: 'namespace', fieldRef }] } },
      ],
      defaultMode: 0o644,
    },
  };
}
