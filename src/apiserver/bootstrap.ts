/** What every cluster has from the start: the system's namespaces and the Service of the API itself. */
import { randomUUID } from 'node:crypto';
import { Namespace } from '../api/core/v1/namespace.ts';
import { Service } from '../api/core/v1/service.ts';
import type { AnyKind } from '../api/kinds.ts';
import type { KubeObject } from '../api/meta/v1.ts';
import { addIP, type CIDR, printIP } from '../lib/ip.ts';
import type { Api } from './context.ts';
import { change } from './storage/change.ts';
import { completeNew } from './verbs/complete.ts';
import { birthOf } from './verbs/create.ts';

const NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

export interface BootstrapOptions {
  /** The `kubernetes` Service gets the first address of the first. */
  readonly serviceCIDRs: readonly CIDR[];
  /** Where the API listens. */
  readonly port: number;
}

/** Makes what is missing. */
export async function bootstrap(api: Api, { serviceCIDRs, port }: BootstrapOptions): Promise<void> {
  for (const name of NAMESPACES) await ensure(api, Namespace, undefined, namespace(name));
  const [first] = serviceCIDRs;
  if (first !== undefined) await ensure(api, Service, 'default', kubernetesService(first, port));
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

function kubernetesService(cidr: CIDR, port: number): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kubernetes', namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: {
      type: 'ClusterIP',
      clusterIP: printIP(addIP(cidr.base, 1)),
      ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: port }],
    },
  };
}
