/** Gives Services their cluster IPs and node ports, and takes them back, in the transaction that writes the Service. */
import type { PortRange } from '../../alloc/node-port.ts';
import { Service } from '../../api/core/v1/service.ts';
import { invalidValue } from '../../api/field-errors.ts';
import { type Cause, internalError, invalid } from '../../api/status.ts';
import { printTime } from '../../api/time.ts';
import type { Clock } from '../../host/clock.ts';
import { addIP, type CIDR, compareIP, type IPAddress, printIP } from '../../lib/ip.ts';
import type { Random } from '../../lib/random.ts';
import type { Compare, Operation, Store } from '../../store/store.ts';
import type { Admission, Admitted, Settlement, Write } from '../admission.ts';
import { nodePortKey } from '../storage/keys.ts';
import { addressKey, type Claim, claimOperation, claimsOf, isClaimOf, type Owner, ownerOf } from './claims.ts';
import { allocateClusterIPs, type ClusterIPs, outsideRanges, rangeOf } from './cluster-ips.ts';
import type { Spec } from './families.ts';
import { allocateNodePorts, outOfRange } from './node-ports.ts';
import type { ServiceRange, ServiceRanges } from './service-ranges.ts';
import type { TakenClaims } from './taken.ts';

export interface ServiceAdmissionOptions {
  readonly store: Store;
  readonly taken: TakenClaims;
  readonly ranges: ServiceRanges;
  /** At most one per family: which families the cluster has, the primary first. Addresses come from the ranges. */
  readonly serviceCIDRs: readonly CIDR[];
  readonly nodePortRange: PortRange;
  readonly clock: Clock;
  readonly random: Random;
}

export class ServiceAdmission implements Admission {
  readonly #options: ServiceAdmissionOptions;

  constructor(options: ServiceAdmissionOptions) {
    this.#options = options;
  }

  async admit({ kind, old, next }: Write): Promise<Admitted> {
    if (kind !== Service) return { next, compares: [], operations: [] };
    return this.#admit(old as Service | undefined, next as Service | undefined);
  }

  settled(outcome: Settlement): void {
    this.#options.taken.settled(outcome);
    this.#options.ranges.settled(outcome);
  }

  async #admit(old: Service | undefined, next: Service | undefined): Promise<Admitted> {
    const held = claimsOf(old?.spec);
    const spec = next && (await this.#allocate(next, old));
    const wanted = claimsOf(spec);
    const added = [...wanted.values()].filter(({ key }) => !held.has(key));
    const ranges = next === undefined ? [] : await this.#checkAdded(next, added, spec?.clusterIPs ?? []);
    const some = next ?? old;
    const owner = some === undefined ? { namespace: '', name: '' } : ownerOf(some);
    const released = await this.#release(
      [...held.keys()].filter((key) => !wanted.has(key)),
      owner,
    );
    const time = printTime(this.#options.clock.now());
    return {
      next: next && spec ? ({ ...next, spec } satisfies Service) : next,
      compares: [
        ...added.map(({ key }) => ({ key, modified: 0 })),
        ...released.compares,
        ...ranges.map(({ unchanged }) => unchanged),
      ],
      operations: [...added.map((claim) => claimOperation(claim, owner, time)), ...released.operations],
    };
  }

  async #allocate(next: Service, old: Service | undefined): Promise<Spec> {
    const { taken, ranges } = this.#options;
    let result = this.#choose(next.spec ?? {}, old?.spec, await ranges.all());
    if (result.kind === 'exhausted') {
      // What is known to be taken may be out of date; nobody is turned away for that.
      ranges.forget();
      await taken.refresh();
      result = this.#choose(next.spec ?? {}, old?.spec, await ranges.all());
    }
    if (result.kind === 'exhausted') throw internalError(result.why);
    if (result.kind === 'refused') throw invalid(Service, next.metadata.name ?? '', result.causes);
    return result.spec;
  }

  #choose(spec: Spec, old: Spec | undefined, ranges: readonly ServiceRange[]): ClusterIPs {
    const { taken, serviceCIDRs, nodePortRange, random } = this.#options;
    const withIPs = allocateClusterIPs(spec, old, {
      families: serviceCIDRs.map(({ base }) => base.family),
      ranges,
      isTaken: (ip) => this.#isReserved(ip) || taken.has(addressKey(printIP(ip))),
      random,
    });
    if (withIPs.kind !== 'allocated') return withIPs;
    return allocateNodePorts(withIPs.spec, {
      range: nodePortRange,
      isTaken: (port) => taken.has(nodePortKey(port)),
      random,
    });
  }

  /** The first address of the first range is that of the API's own Service. */
  #isReserved(ip: IPAddress): boolean {
    const [first] = this.#options.serviceCIDRs;
    return first !== undefined && compareIP(ip, addIP(first.base, 1)) === 0;
  }

  /**
   * Tells of every claim that cannot be made, in one answer; else returns the ranges that the claims are on. Chosen claims
   * pass, but for a race that the compares decide.
   */
  async #checkAdded(
    next: Service,
    added: readonly Claim[],
    clusterIPs: readonly string[],
  ): Promise<readonly ServiceRange[]> {
    const asked = claimsOf(next.spec);
    const used = new Map<string, ServiceRange>();
    const causes: Cause[] = [];
    for (const claim of added) {
      const range = claim.kind === 'ip' ? await this.#rangeOf(claim.ip) : undefined;
      if (range !== undefined) used.set(range.unchanged.key, range);
      const outside =
        claim.kind === 'port'
          ? outOfRange(claim.port, claim.field, this.#options.nodePortRange)
          : range === undefined
            ? [outsideRanges(claim.ip, clusterIPs, await this.#options.ranges.all())]
            : [];
      causes.push(...outside);
      if (outside.length > 0 || !asked.has(claim.key)) continue;
      if ((await this.#options.store.get(claim.key)) !== undefined) causes.push(alreadyAllocated(claim, clusterIPs));
    }
    if (causes.length > 0) throw invalid(Service, next.metadata.name ?? '', causes);
    return [...used.values()];
  }

  /** Looks again, in the store, before it says that there is none. */
  async #rangeOf(ip: string): Promise<ServiceRange | undefined> {
    const { ranges } = this.#options;
    const found = rangeOf(ip, await ranges.all());
    if (found !== undefined) return found;
    ranges.forget();
    return rangeOf(ip, await ranges.all());
  }

  /** Gives back what is the owner's; a claim that has come to be another's is left alone. */
  async #release(
    keys: readonly string[],
    owner: Owner,
  ): Promise<{ readonly compares: readonly Compare[]; readonly operations: readonly Operation[] }> {
    const compares: Compare[] = [];
    const operations: Operation[] = [];
    for (const key of keys) {
      const entry = await this.#options.store.get(key);
      if (entry === undefined || !isClaimOf(entry, owner)) continue;
      compares.push({ key, modified: entry.modified });
      operations.push({ kind: 'delete', key });
    }
    return { compares, operations };
  }
}

function alreadyAllocated(claim: Claim, clusterIPs: readonly string[]): Cause {
  if (claim.kind === 'port') return invalidValue(claim.field, claim.port, 'provided port is already allocated');
  const why = `failed to allocate IP ${claim.ip}: provided IP is already allocated`;
  return invalidValue('spec.clusterIPs', clusterIPs, why);
}
