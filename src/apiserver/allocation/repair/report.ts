/** What people are told of a finding, with the reasons that Kubernetes' repair controllers use. Pure. */
import type { Claim } from '../claims.ts';
import type { Finding } from './findings.ts';

export interface Report {
  readonly reason: string;
  readonly message: string;
}

/** The Event about the Service, or about the IPAddress that is released. */
export function reportOf(finding: Finding): Report {
  if (finding.kind === 'leaked') {
    const { key, owner } = finding.claimed;
    const whose = owner === undefined ? 'names no Service' : `for Service ${owner.namespace}/${owner.name}`;
    const what = key.slice(key.lastIndexOf('/') + 1);
    return { reason: 'IPAddressNotAllocated', message: `${what} ${whose} appears to have leaked: cleaning up` };
  }
  const { claim } = finding;
  const what = nameOf(claim);
  const prefix = claim.kind === 'ip' ? 'ClusterIP' : 'Port';
  switch (finding.kind) {
    case 'not-claimed':
      return {
        reason: `${prefix}NotAllocated`,
        message: finding.current ? `${what} has a wrong reference; repairing` : `${what} is not allocated; repairing`,
      };
    case 'has-other-owner': {
      const { namespace, name } = finding.owner;
      const why = `was assigned to multiple services, also to ${namespace}/${name}; please recreate service`;
      return { reason: `${prefix}AlreadyAllocated`, message: `${what} ${why}` };
    }
    case 'out-of-range': {
      const where = claim.kind === 'ip' ? 'any configured Service CIDR' : 'the port range';
      return { reason: `${prefix}OutOfRange`, message: `${what} is not within ${where}; please recreate service` };
    }
  }
}

function nameOf(claim: Claim): string {
  if (claim.kind === 'port') return `Port ${claim.port}`;
  return `Cluster IP [${claim.ip.includes(':') ? 'IPv6' : 'IPv4'}]: ${claim.ip}`;
}
