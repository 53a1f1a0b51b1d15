/** The Lease by which an API server is known, as Kubernetes' servers have one, and what it says of where the server is. */
import { createHash } from 'node:crypto';
import { Lease } from '../../api/coordination/v1/lease.ts';
import { printMicroTime } from '../../api/time.ts';
import { type Duration, seconds } from '../../lib/duration.ts';
import { familyOf, type IPFamily, parseIP } from '../../lib/ip.ts';

export const LEASE_NAMESPACE = 'kube-system';
/** What the names of all of them begin with. */
export const LEASE_PREFIX = 'apiserver-';
/** https://kubernetes.io/docs/reference/labels-annotations-taints/#apiserver-kubernetes-io-identity */
const IDENTITY_LABEL = 'apiserver.kubernetes.io/identity';
const IDENTITY = 'kube-apiserver';
/** Where the server is reached: URLs, separated by commas. */
const ADDRESSES_ANNOTATION = 'postern.dev/addresses';
/** How long a lease is good: a server that is gone is missed no longer than that. */
export const LEASE_DURATION: Duration = seconds(6);
/** At most one per family, in practice; what somebody else writes there is bounded. */
const ADDRESSES_MAX = 8;

/** An address at which a server is reached. */
export interface ServerPlace {
  readonly address: string;
  readonly port: number;
}

/** The name of the lease of a server: the same whenever it starts again. `name` tells it from the others on the same store. */
export function leaseName(name: string): string {
  return LEASE_PREFIX + createHash('sha256').update(name).digest('hex').slice(0, 26);
}

/** What is to stand in the lease besides what it has. */
export function leaseOf(
  name: string,
  { holder, places, now }: { readonly holder: string; readonly places: readonly ServerPlace[]; readonly now: number },
): Lease {
  return {
    apiVersion: Lease.apiVersion,
    kind: Lease.kind,
    metadata: {
      name,
      namespace: LEASE_NAMESPACE,
      labels: { [IDENTITY_LABEL]: IDENTITY },
      annotations: { [ADDRESSES_ANNOTATION]: places.map(printPlace).join(',') },
    },
    spec: { holderIdentity: holder, leaseDurationSeconds: LEASE_DURATION / 1000, renewTime: printMicroTime(now) },
  };
}

export function isServerLease({ metadata }: Lease): boolean {
  return metadata.labels?.[IDENTITY_LABEL] === IDENTITY;
}

/** Where the lease's server is reached. What is no address is passed over. */
export function placesOf({ metadata }: Lease): readonly ServerPlace[] {
  const texts = (metadata.annotations?.[ADDRESSES_ANNOTATION] ?? '').split(',', ADDRESSES_MAX);
  return texts.flatMap((text): readonly ServerPlace[] => {
    if (!URL.canParse(text)) return [];
    const { hostname, port } = new URL(text);
    const address = hostname.replace(/^\[|\]$/g, '');
    return parseIP(address) === undefined ? [] : [{ address, port: port === '' ? 443 : Number(port) }];
  });
}

/** As a URL. */
export function printPlace({ address, port }: ServerPlace): string {
  return `https://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** The first place of a family. */
export function placeOf(family: IPFamily, places: readonly ServerPlace[]): ServerPlace | undefined {
  return places.find(({ address }) => familyOf(address) === family);
}
