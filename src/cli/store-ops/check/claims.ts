/** Where addresses and ports are not held as the Services say. Collects what the server's own repair looks at. */
import type { PortRange } from '../../../alloc/node-port.ts';
import type { Service } from '../../../api/core/v1/service.ts';
import { isMapping } from '../../../api/value.ts';
import { isAllocatorLabeled, ownerOfClaim } from '../../../apiserver/allocation/claims.ts';
import { type Claimed, type Finding, findings, type Holder } from '../../../apiserver/allocation/repair/findings.ts';
import { reportOf } from '../../../apiserver/allocation/repair/report.ts';
import { type CIDR, parseCIDR } from '../../../lib/ip.ts';
import type { Entry } from '../../../store/store.ts';
import type { Problem } from './problem.ts';

const REPAIR = 'The server mends it when it is started, and every few minutes.';
const RECREATE = 'Delete the Service and make it again: it gets another.';

export class Claims {
  readonly #nodePorts: PortRange;
  readonly #holders: Holder[] = [];
  readonly #claimed: Claimed[] = [];
  readonly #ranges: CIDR[] = [];

  constructor(nodePorts: PortRange) {
    this.#nodePorts = nodePorts;
  }

  /** An object of any kind, once it is known to be one. */
  addObject({ key, modified }: Entry, object: Readonly<Record<string, unknown>>): void {
    switch (`${object['apiVersion']} ${object['kind']}`) {
      case 'v1 Service':
        this.#holders.push({ key, modified, service: object as unknown as Service });
        return;
      case 'networking.k8s.io/v1 IPAddress':
        this.#claimed.push({ key, modified, owner: ownerOfClaim(object), isOurs: isAllocatorLabeled(object) });
        return;
      case 'networking.k8s.io/v1 ServiceCIDR':
        this.#ranges.push(...rangesOf(object));
    }
  }

  addPort({ key, modified }: Entry, value: Readonly<Record<string, unknown>>): void {
    this.#claimed.push({ key, modified, owner: ownerOfClaim(value), isOurs: true });
  }

  problems(): readonly Problem[] {
    const all = { holders: this.#holders, claimed: this.#claimed, ranges: this.#ranges, nodePorts: this.#nodePorts };
    return findings(all).map(problemOf);
  }
}

function rangesOf({ spec }: Readonly<Record<string, unknown>>): readonly CIDR[] {
  const cidrs = isMapping(spec) && Array.isArray(spec['cidrs']) ? spec['cidrs'] : [];
  return cidrs.map((cidr) => parseCIDR(String(cidr))).filter((cidr) => cidr !== undefined);
}

function problemOf(finding: Finding): Problem {
  const key = finding.kind === 'leaked' ? finding.claimed.key : finding.holder.key;
  const { message } = reportOf(finding);
  switch (finding.kind) {
    // Given out again it would be somebody else's, too.
    case 'not-claimed':
      return { severity: 'error', key, message, remedy: REPAIR };
    case 'has-other-owner':
      return { severity: 'error', key, message, remedy: RECREATE };
    case 'out-of-range':
      return { severity: 'warning', key, message, remedy: RECREATE };
    case 'leaked':
      return { severity: 'warning', key, message, remedy: REPAIR };
  }
}
