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
  const labels = {
    'ipaddress.kubernetes.io/ip-family': ip.includes(':') ? 'IPv6' : 'IPv4',
    'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io',
  };
  return {
    apiVersion: IPAddress.apiVersion,
    kind: IPAddress.kind,
    metadata: { name: ip, uid: randomUUID(), creationTimestamp: time, generation: 1, labels },
    spec: { parentRef: { resource: 'services', namespace, name } },
  };
}

/** Whether the entry of a claim's key is this owner's. */
export function isClaimOf({ value }: Entry, { namespace, name }: Owner): boolean {
  const parsed: unknown = JSON.parse(Buffer.from(value).toString('utf8'));
  if (!isMapping(parsed)) return false;
  const owner = isMapping(parsed['spec']) ? parsed['spec']['parentRef'] : parsed['owner'];
  return isMapping(owner) && owner['namespace'] === namespace && owner['name'] === name;
}

/** What begins the keys of all claims. */
export const CLAIM_PREFIXES: readonly string[] = [ADDRESSES, NODE_PORTS];
