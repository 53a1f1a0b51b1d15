/** What every cluster has from the start: the system's namespaces, its Service range and the Service of the API itself. */
import { randomUUID } from 'node:crypto';
import { Namespace } from '../api/core/v1/namespace.ts';
import type { AnyKind } from '../api/kinds.ts';
import type { KubeObject } from '../api/meta/v1.ts';
import { ensureDefaultServiceCIDR } from './allocation/default-service-cidr.ts';
import type { Api } from './context.ts';
import { ensureKubernetesService, type KubernetesServiceOptions } from './kubernetes-service.ts';
import { change } from './storage/change.ts';
import { completeNew } from './verbs/complete.ts';
import { birthOf } from './verbs/create.ts';

const NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

/** Makes what is missing. */
export async function bootstrap(api: Api, options: KubernetesServiceOptions): Promise<void> {
  for (const name of NAMESPACES) await ensure(api, Namespace, undefined, namespace(name));
  await ensureDefaultServiceCIDR(api, options.serviceCIDRs);
  await ensureKubernetesService(api, options);
}

async function ensure(api: Api, kind: AnyKind, namespace: string | undefined, object: KubeObject): Promise<void> {
  const { name = randomUUID() } = object.metadata;
  await change(api, { kind, namespace, name, dryRun: false }, (current) =>
    current === undefined ? { act: 'put', object: completeNew(kind, object, birthOf(api)) } : { act: 'keep' },
  );
}

function namespace(name: string): Namespace {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}
