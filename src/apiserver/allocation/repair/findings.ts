/**
 * Where the claims on addresses and ports are not as the Services say. Pure. Follows the repair controllers of Kubernetes
 * (pkg/registry/core/service), which are there for what only a damaged store, an operator's hand or a mistake of ours
 * makes: a claim and its Service are written in one transaction.
 */
import type { PortRange } from '../../../alloc/node-port.ts';
import type { Service } from '../../../api/core/v1/service.ts';
import { type CIDR, cidrContains, mustParseIP } from '../../../lib/ip.ts';
import type { Revision } from '../../../store/store.ts';
import { type Claim, claimsOf, type Owner, ownerOf } from '../claims.ts';

/** A Service as the store has it. */
export interface Holder {
  readonly key: string;
  readonly modified: Revision;
  readonly service: Service;
}

/** The key of an address or a port, and whose it says it is. */
export interface Claimed {
  readonly key: string;
  readonly modified: Revision;
  /** Undefined when it names no Service. */
  readonly owner: Owner | undefined;
  /** Whether it was made by the server; what others reserve is theirs to release. */
  readonly isOurs: boolean;
}

/** All of it read at one revision: what is half-written elsewhere is not seen. */
export interface Allocations {
  readonly holders: readonly Holder[];
  readonly claimed: readonly Claimed[];
  /** Of every ServiceCIDR, whether it gives out addresses or not. */
  readonly ranges: readonly CIDR[];
  readonly nodePorts: PortRange;
}

export type Finding =
  /** A Service has something that nobody holds for it, or that is held in the name of nobody. To be claimed. */
  | {
      readonly kind: 'not-claimed';
      readonly holder: Holder;
      readonly claim: Claim;
      readonly current: Claimed | undefined;
    }
  /** Two Services have the same. Only a person can decide which is to get another. */
  | { readonly kind: 'has-other-owner'; readonly holder: Holder; readonly claim: Claim; readonly owner: Owner }
  /** Nothing gives this out any more. */
  | { readonly kind: 'out-of-range'; readonly holder: Holder; readonly claim: Claim }
  /** Held for a Service that is not there or does not have it. To be released. */
  | { readonly kind: 'leaked'; readonly claimed: Claimed };

/** Everything that is wrong, in the order of the Services and then of the keys. */
export function findings({ holders, claimed, ranges, nodePorts }: Allocations): readonly Finding[] {
  const byKey = new Map(claimed.map((each) => [each.key, each] as const));
  const claimsOfHolder = new Map(
    holders.map((holder) => [ownerText(ownerOf(holder.service)), claimsOf(holder.service.spec)]),
  );
  const owns = (owner: Owner | undefined, key: string) =>
    owner !== undefined && claimsOfHolder.get(ownerText(owner))?.has(key) === true;
  /** Keys that will be claimed for somebody: the second Service without a claim is then one too many. */
  const mended = new Map<string, Owner>();
  const found: Finding[] = [];
  for (const holder of holders) {
    const owner = ownerOf(holder.service);
    for (const claim of claimsOf(holder.service.spec).values()) {
      if (isOutside(claim, ranges, nodePorts)) found.push({ kind: 'out-of-range', holder, claim });
      const current = byKey.get(claim.key);
      const named =
        mended.get(claim.key) ?? (current?.isOurs && owns(current.owner, claim.key) ? current.owner : undefined);
      if (named === undefined) {
        mended.set(claim.key, owner);
        found.push({ kind: 'not-claimed', holder, claim, current });
      } else if (ownerText(named) !== ownerText(owner)) {
        found.push({ kind: 'has-other-owner', holder, claim, owner: named });
      }
    }
  }
  for (const each of claimed) {
    if (each.isOurs && !owns(each.owner, each.key) && !mended.has(each.key))
      found.push({ kind: 'leaked', claimed: each });
  }
  return found;
}

function isOutside(claim: Claim, ranges: readonly CIDR[], { first, last }: PortRange): boolean {
  if (claim.kind === 'port') return claim.port < first || claim.port > last;
  const ip = mustParseIP(claim.ip);
  return !ranges.some((range) => cidrContains(range, ip));
}

function ownerText({ namespace, name }: Owner): string {
  return `${namespace}/${name}`;
}
