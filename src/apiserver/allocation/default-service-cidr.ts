/** The ServiceCIDR `kubernetes`, which says as an object what the server was started with. */
import { DEFAULT_SERVICE_CIDR, ServiceCIDR } from '../../api/networking/v1/servicecidr.ts';
import { sameValue } from '../../api/value.ts';
import { type CIDR, printCIDR } from '../../lib/ip.ts';
import type { Api } from '../context.ts';
import { recordEvent } from '../events.ts';
import { change, type Decision } from '../storage/change.ts';
import { objectKey } from '../storage/keys.ts';
import { completeChange, completeNew } from '../verbs/complete.ts';
import { birthOf } from '../verbs/create.ts';

const COMPONENT = 'kubernetes-service-cidr-controller';

/** The cluster has other ranges than the server was started with, and others may be giving addresses from them. */
export class ServiceCIDRMismatchError extends Error {
  constructor(found: readonly string[], wanted: readonly string[]) {
    super(
      `the cluster gives cluster IPs from ${found.join(',')}, and this server was started to give them from ${wanted.join(',')}: ` +
        `start it with --service-cidr ${found.join(',')}, as every server of the cluster`,
    );
    this.name = 'ServiceCIDRMismatchError';
  }
}

/** Throws {@link ServiceCIDRMismatchError} when there is a default range, and it is neither that of the options nor becomes it. */
export async function checkDefaultServiceCIDR({ store, codec }: Api, serviceCIDRs: readonly CIDR[]): Promise<void> {
  const entry = await store.get(objectKey(ServiceCIDR, undefined, DEFAULT_SERVICE_CIDR));
  if (entry === undefined || serviceCIDRs.length === 0) return;
  const found = (codec.decode(entry).object as ServiceCIDR).spec?.cidrs ?? [];
  const wanted = serviceCIDRs.map(printCIDR);
  if (!sameValue(found, wanted) && !isUpgrade(found, wanted)) throw new ServiceCIDRMismatchError(found, wanted);
}

/**
 * Makes the range when it is not there, and adds the second family to one of a single family. Any other difference is
 * left, as addresses of it may be in use, and told with an Event: on Kubernetes, too, somebody has to decide.
 */
export async function ensureDefaultServiceCIDR(api: Api, serviceCIDRs: readonly CIDR[]): Promise<void> {
  const cidrs = serviceCIDRs.map(printCIDR);
  if (cidrs.length === 0) return;
  const target = { kind: ServiceCIDR, namespace: undefined, name: DEFAULT_SERVICE_CIDR, dryRun: false };
  const { stored } = await change(api, target, (current): Decision => {
    if (current === undefined) return { act: 'put', object: completeNew(ServiceCIDR, withCIDRs(cidrs), birthOf(api)) };
    const range = current.object as ServiceCIDR;
    if (!isUpgrade(range.spec?.cidrs ?? [], cidrs)) return { act: 'keep' };
    const dual: ServiceCIDR = { ...range, spec: { cidrs } };
    return { act: 'put', object: completeChange(ServiceCIDR, dual, range, 'object') };
  });
  const range = stored.object as ServiceCIDR;
  const found = range.spec?.cidrs ?? [];
  if (sameValue(found, cidrs)) return;
  const message = `The default ServiceCIDR [${found.join(' ')}] does not match the server's options [${cidrs.join(' ')}]; start it with those of the ServiceCIDR, or delete the ServiceCIDR`;
  api.log.warn({ found, wanted: cidrs }, 'the default ServiceCIDR is not that of the options');
  await recordEvent(api, {
    component: COMPONENT,
    about: range,
    type: 'Warning',
    reason: 'KubernetesDefaultServiceCIDRInconsistent',
    message,
  });
}

function isUpgrade(found: readonly string[], wanted: readonly string[]): boolean {
  return found.length === 1 && wanted.length === 2 && found[0] === wanted[0];
}

function withCIDRs(cidrs: readonly string[]): ServiceCIDR {
  const { apiVersion, kind } = ServiceCIDR;
  return { apiVersion, kind, metadata: { name: DEFAULT_SERVICE_CIDR }, spec: { cidrs } };
}
