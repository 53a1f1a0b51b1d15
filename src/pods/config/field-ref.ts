/**
 * What containers are told of their own pod. The fields that there are:
 * https://kubernetes.io/docs/concepts/workloads/pods/downward-api/#available-fields
 */
import type { Pod } from '../../api/core/v1/pod.ts';
import { ownValue } from '../../api/value.ts';
import { goQuote } from './go-quote.ts';

/** Addresses of the pod and its node, the primary one first. */
export interface PodAddresses {
  readonly podIPs: readonly string[];
  readonly hostIPs: readonly string[];
}

/** The text of a field of the pod, as `metadata.labels['app']`; undefined for a field that there is not. */
export function fieldValue(pod: Pod, path: string, { podIPs, hostIPs }: PodAddresses): string | undefined {
  const { metadata, spec } = pod;
  const [, map, key] = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path) ?? [];
  if (key !== undefined) return String(ownValue(metadata[map as 'labels' | 'annotations'] ?? {}, key) ?? '');
  switch (path) {
    case 'metadata.name':
      return metadata.name ?? '';
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid ?? '';
    case 'metadata.labels':
      return printMap(metadata.labels);
    case 'metadata.annotations':
      return printMap(metadata.annotations);
    case 'spec.nodeName':
      return spec?.nodeName ?? '';
    case 'spec.serviceAccountName':
      return spec?.serviceAccountName ?? '';
    case 'status.podIP':
      return podIPs[0] ?? '';
    case 'status.podIPs':
      return podIPs.join(',');
    case 'status.hostIP':
      return hostIPs[0] ?? '';
    case 'status.hostIPs':
      return hostIPs.join(',');
    default:
      return undefined;
  }
}

/** `key="value"` a line, by key. */
function printMap(map: Readonly<Record<string, string>> = {}): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${goQuote(map[key] ?? '')}`)
    .join('\n');
}
