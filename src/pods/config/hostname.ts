/** What a pod is called. https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-hostname-and-subdomain-fields */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Problem } from '../parts.ts';
import { problem } from './problems.ts';

/** Bytes of a label of DNS, and of what the kernel takes as a machine's name (HOST_NAME_MAX, gethostname(2)). */
const LABEL_LIMIT = 63;
const HOSTNAME_LIMIT = 64;

/** How a pod is called. */
export interface PodNames {
  /** One label. */
  readonly hostname: string;
  /** The domain that it has by `subdomain`; undefined without. */
  readonly domain: string | undefined;
}

/** The names of a pod, by its spec and the cluster's domain. */
export function podNames({ metadata, spec }: Pod, clusterDomain: string): PodNames {
  const { hostname, subdomain } = spec ?? {};
  const short = (metadata.name ?? '').slice(0, LABEL_LIMIT).replace(/[-.]+$/, '');
  return {
    hostname: hostname || short,
    domain: subdomain ? `${subdomain}.${metadata.namespace}.svc.${clusterDomain}` : undefined,
  };
}

/** What the kernel calls the machine that the pod seems to be. */
export function kernelHostname(pod: Pod, clusterDomain: string): string | Problem {
  const { hostname, domain } = podNames(pod, clusterDomain);
  if (!pod.spec?.setHostnameAsFQDN || domain === undefined) return hostname;
  const fqdn = `${hostname}.${domain}`;
  if (fqdn.length <= HOSTNAME_LIMIT) return fqdn;
  return problem(
    'FailedCreatePodSandBox',
    'failed to construct FQDN from pod hostname and cluster domain, FQDN ' +
      `${fqdn} is too long (${HOSTNAME_LIMIT} characters is the max, ${fqdn.length} characters requested)`,
  );
}
