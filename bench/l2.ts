/**
 * Load balancer addresses on the LAN: what clients notice when the announcing node crashes or hands over, what a thousand
 * addresses on one node take, and what choosing an address costs.
 * `npm run bench -- l2 [failover|handover|many|allocation]... [--check]`: all of it, or only parts.
 */
import { measureParts } from './harness.ts';
import { allocation } from './l2/allocation.ts';
import { failover } from './l2/failover.ts';
import { handover } from './l2/handover.ts';
import { many } from './l2/many.ts';

await measureParts({ failover, handover, many, allocation });
