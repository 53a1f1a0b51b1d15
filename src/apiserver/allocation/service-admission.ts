/** Gives Services their cluster IPs and node ports, and takes them back, in the transaction that writes the Service. */
import type { PortRange } from '../../alloc/node-port.ts';
import { Service } from '../../api/core/v1/service.ts';
import { invalidValue } from '../../api/field-errors.ts';
import { type Cause, invalid } from '../../api/status.ts';
import { printTime } from '../../api/time.ts';
import type { Clock } from '../../host/clock.ts';
import { type CIDR, printIP } from '../../lib/ip.ts';
import type { Random } from '../../lib/random.ts';
import type { Compare, Operation, Store } from '../../store/store.ts';
import type { Admission, Admitted, Settlement, Write } from '../admission.ts';
import { nodePortKey } from '../storage/keys.ts';
import { addressKey, type Claim, claimOperation, claimsOf, isClaimOf, type Owner, ownerOf } from './claims.ts';
import { allocateClusterIPs, outsideRange } from './cluster-ips.ts';
import type { Spec } from './families.ts';
import { allocateNodePorts, outOfRange } from './node-ports.ts';
import type { TakenClaims } from './taken.ts';

export interface ServiceAdmissionOptions {
  readonly store: Store;
  readonly taken: TakenClaims;
  readonly serviceCIDRs: readonly CIDR[];
  readonly nodePortRange: PortRange;
  readonly clock: Clock;
  readonly random: Random;
}

type Allocation =
  | { readonly ok: true; readonly spec: Spec }
  | { readonly ok: false; readonly exhausted: boolean; readonly causes: readonly Cause[] };

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
  }

  async #admit(old: Service | undefined, next: Service | undefined): Promise<Admitted> {
    const held = claimsOf(old?.spec);
    const spec = next && (await this.#allocate(next, old));
    const wanted = claimsOf(spec);
    const added = [...wanted.values()].filter(({ key }) => !held.has(key));
    if (next !== undefined) await this.#checkAdded(next, added, spec?.clusterIPs ?? []);
    const some = next ?? old;
    const owner = some === undefined ? { namespace: '', name: '' } : ownerOf(some);
    const released = await this.#release(
      [...held.keys()].filter((key) => !wanted.has(key)),
      owner,
    );
    const time = printTime(this.#options.clock.now());
    return {
      next: next && spec ? ({ ...next, spec } satisfies Service) : next,
      compares: [...added.map(({ key }) => ({ key, modified: 0 })), ...released.compares],
      operations: [...added.map((claim) => claimOperation(claim, owner, time)), ...released.operations],
    };
  }

  async #allocate(next: Service, old: Service | undefined): Promise<Spec> {
    let result = this.#choose(next.spec ?? {}, old?.spec);
    if (!result.ok && result.exhausted) {
      // What is known to be taken may be out of date; nobody is turned away for that.
      await this.#options.taken.refresh();
      result = this.#choose(next.spec ?? {}, old?.spec);
    }
    if (!result.ok) throw invalid(Service, next.metadata.name ?? '', result.causes);
    return result.spec;
  }

  #choose(spec: Spec, old: Spec | undefined): Allocation {
    const { taken, serviceCIDRs, nodePortRange, random } = this.#options;
    const withIPs = allocateClusterIPs(spec, old, {
      ranges: serviceCIDRs,
      isTaken: (ip) => taken.has(addressKey(printIP(ip))),
      random,
    });
    if (!withIPs.ok) return withIPs;
    return allocateNodePorts(withIPs.spec, {
      range: nodePortRange,
      isTaken: (port) => taken.has(nodePortKey(port)),
      random,
    });
  }

  /** Every claim that cannot be made, in one answer. The chosen ones pass, but for a race that the compares decide. */
  async #checkAdded(next: Service, added: readonly Claim[], clusterIPs: readonly string[]): Promise<void> {
    const asked = claimsOf(next.spec);
    const causes: Cause[] = [];
    for (const claim of added.filter(({ key }) => asked.has(key))) {
      const outside =
        claim.kind === 'ip'
          ? outsideRange(claim.ip, clusterIPs, this.#options.serviceCIDRs)
          : outOfRange(claim.port, claim.field, this.#options.nodePortRange);
      causes.push(...outside);
      const isTaken = outside.length === 0 && (await this.#options.store.get(claim.key)) !== undefined;
      if (isTaken) causes.push(alreadyAllocated(claim, clusterIPs));
    }
    if (causes.length > 0) throw invalid(Service, next.metadata.name ?? '', causes);
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
