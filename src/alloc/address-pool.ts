/** Pools of load balancer addresses, as people describe them. */
import type { AddressRange } from '../lib/address-range.ts';

export interface AddressPool {
  /** In the order of the user; of both families. */
  readonly ranges: readonly AddressRange[];
  /** Leaves out IPv4 addresses that end in .0 or .255, which some old devices take for broadcasts. */
  readonly avoidBuggyIPs?: boolean;
}
