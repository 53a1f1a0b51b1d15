/** What a pod names in its own namespace, and its node therefore has to read. Pure. */
import type { Pod } from './pod.ts';

export interface PodReference {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly name: string;
}

/** Every ConfigMap and Secret that the pod's volumes, variables and pulls of images name, each once. */
export function podReferences({ spec }: Pick<Pod, 'spec'>): readonly PodReference[] {
  const found = new Map<string, PodReference>();
  const add = (kind: PodReference['kind'], name: string | undefined) => {
    if (name) found.set(`${kind}/${name}`, { kind, name });
  };
  for (const { name } of spec?.imagePullSecrets ?? []) add('Secret', name);
  for (const { configMap, secret, projected } of spec?.volumes ?? []) {
    add('ConfigMap', configMap?.name);
    add('Secret', secret?.secretName);
    for (const source of projected?.sources ?? []) {
      add('ConfigMap', source.configMap?.name);
      add('Secret', source.secret?.name);
    }
  }
  for (const { env, envFrom } of [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]) {
    for (const { configMapRef, secretRef } of envFrom ?? []) {
      add('ConfigMap', configMapRef?.name);
      add('Secret', secretRef?.name);
    }
    for (const { valueFrom } of env ?? []) {
      add('ConfigMap', valueFrom?.configMapKeyRef?.name);
      add('Secret', valueFrom?.secretKeyRef?.name);
    }
  }
  return [...found.values()];
}
