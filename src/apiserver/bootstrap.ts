/** What every cluster has from the start: the system's namespaces, the roles, its Service range and the Service of the API itself. */

import { randomUUID } from 'node:crypto';
import { Namespace } from '../api/core/v1/namespace.ts';
import type { AnyKind } from '../api/kinds.ts';
import type { KubeObject } from '../api/meta/v1.ts';
import { METALLB_NAMESPACE } from '../api/metallb/v1beta1/names.ts';
import { minutes } from '../lib/duration.ts';
import { ensureDefaultServiceCIDR } from './allocation/default-service-cidr.ts';
import { ensureDefaultPolicy } from './auth/rbac/defaults/ensure.ts';
import type { Api } from './context.ts';
import { ensureKubernetesService, type KubernetesServiceOptions } from './kubernetes-service.ts';
import { faultFields } from './outages.ts';
import { change } from './storage/change.ts';
import { completeNew } from './verbs/complete.ts';
import { birthOf } from './verbs/create.ts';

/** Kubernetes' own, and the one where MetalLB's objects and the announcers' leases are. */
const NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease', METALLB_NAMESPACE];
/** As often as Kubernetes looks whether one of them is missing. */
const INTERVAL = minutes(1);

/** Makes what is missing. */
export async function bootstrap(api: Api, options: KubernetesServiceOptions): Promise<void> {
  await ensureSystemNamespaces(api);
  await ensureDefaultPolicy(api);
  await ensureDefaultServiceCIDR(api, options.serviceCIDRs);
  await ensureKubernetesService(api, options);
}

/** Makes the system's namespaces again when somebody has deleted one, until the signal is aborted. */
export async function keepSystemNamespaces(api: Api, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      await api.clock.sleep(INTERVAL, signal);
      await ensureSystemNamespaces(api);
    } catch (err) {
      if (!signal.aborted) api.log.warn(faultFields(err), 'could not look after the namespaces of the system');
    }
  }
}

async function ensureSystemNamespaces(api: Api): Promise<void> {
  for (const name of NAMESPACES) await ensure(api, Namespace, undefined, namespace(name));
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
