/**
 * Claims: keys of the store whose existence says that an address or a port is taken, written and removed in the very
 * transaction that writes the Service. A cluster IP is claimed by an IPAddress object, a node port by a key of ours.
 */
import { randomUUID } from 'node:crypto';
import { mayHaveNodePorts } from '../../api/core/v1/service.prepare.ts';
import type { Service } from '../../api/core/v1/service.ts';
import { IPAddress } from '../../api/networking/v1/ipaddress.ts';
import { isMapping } from '../../api/value.ts';
import { parseIP, printIP } from '../../lib/ip.ts';
import type { Entry, Operation } from '../../store/store.ts';
import { encode } from '../storage/codec.ts';
import { kindPrefix, NODE_PORTS, nodePortKey } from '../storage/keys.ts';
import type { Spec } from './families.ts';

const ADDRESSES = kindPrefix(IPAddress);
const FAMILY_LABEL = 'ipaddress.kubernetes.io/ip-family';
const MANAGED_BY_LABEL = 'ipaddress.kubernetes.io/managed-by';
const ALLOCATOR = 'ipallocator.k8s.io';

/** One thing that a Service holds. */
export type Claim =
  | { readonly kind: 'ip'; readonly key: string; readonly ip: string; readonly field: string }
  | { readonly kind: 'port'; readonly key: string; readonly port: number; readonly field: string };

export type Owner = { readonly namespace: string; readonly name: string };

export function ownerOf({ metadata }: Service): Owner {
  return { namespace: metadata.namespace ?? '', name: metadata.name ?? '' };
}

/** What a Service holds, by key. A node port that two protocols share is held once. */
export function claimsOf(spec: Spec | undefined): ReadonlyMap<string, Claim> {
  const claims = new Map<string, Claim>();
  const add = (claim: Claim) => {
    if (!claims.has(claim.key)) claims.set(claim.key, claim);
  };
  for (const [i, text] of (spec?.clusterIPs ?? []).entries()) {
    const address = parseIP(text);
    if (address === undefined) continue;
    // However the client writes an address, the claim on it is one.
    const ip = printIP(address);
    add({ kind: 'ip', key: addressKey(ip), ip, field: `spec.clusterIPs[${i}]` });
  }
  const ports = spec !== undefined && mayHaveNodePorts(spec) ? (spec.ports ?? []) : [];
  for (const [i, { nodePort }] of ports.entries()) {
    if (nodePort) add({ kind: 'port', key: nodePortKey(nodePort), port: nodePort, field: `spec.ports[${i}].nodePort` });
  }
  const health = spec?.healthCheckNodePort;
  if (health) add({ kind: 'port', key: nodePortKey(health), port: health, field: 'spec.healthCheckNodePort' });
  return claims;
}

export function addressKey(ip: string): string {
  return ADDRESSES + ip;
}

/** The write that makes a claim. `time`: RFC 3339. */
export function claimOperation(claim: Claim, owner: Owner, time: string): Operation {
  const value =
    claim.kind === 'ip' ? encode(addressObject(claim.ip, owner, time)) : Buffer.from(JSON.stringify({ owner }));
  return { kind: 'put', key: claim.key, value };
}

/** Labels as Kubernetes' own allocator gives its IPAddress objects. */
function addressObject(ip: string, { namespace, name }: Owner, time: string): IPAddress {
  const labels = { [FAMILY_LABEL]: ip.includes(':') ? 'IPv6' : 'IPv4', [MANAGED_BY_LABEL]: ALLOCATOR };
  return {
    apiVersion: IPAddress.apiVersion,
    kind: IPAddress.kind,
    metadata: { name: ip, uid: randomUUID(), creationTimestamp: time, labels },
    spec: { parentRef: { resource: 'services', namespace, name } },
  };
}

/** Whether the entry of a claim's key is this owner's. */
export function isClaimOf({ value }: Entry, { namespace, name }: Owner): boolean {
  const owner = ownerOfClaim(JSON.parse(Buffer.from(value).toString('utf8')));
  return owner?.namespace === namespace && owner.name === name;
}

/** The Service that the value of a claim names; undefined when it names none. */
export function ownerOfClaim(value: unknown): Owner | undefined {
  if (!isMapping(value)) return undefined;
  const parent = isMapping(value['spec']) ? value['spec']['parentRef'] : undefined;
  const owner = isMapping(parent) && isService(parent) ? parent : value['owner'];
  if (!isMapping(owner)) return undefined;
  const { namespace, name } = owner;
  return typeof namespace === 'string' && typeof name === 'string' ? { namespace, name } : undefined;
}

function isService({ group = '', resource }: Readonly<Record<string, unknown>>): boolean {
  return group === '' && resource === 'services';
}

/** Whether the value of an address's claim was made here; others reserve addresses, too. */
export function isAllocatorLabeled(value: unknown): boolean {
  const metadata = isMapping(value) ? value['metadata'] : undefined;
  const labels = isMapping(metadata) ? metadata['labels'] : undefined;
  return isMapping(labels) && labels[MANAGED_BY_LABEL] === ALLOCATOR;
}

/** What begins the keys of all claims. */
export const CLAIM_PREFIXES: readonly string[] = [ADDRESSES, NODE_PORTS];
