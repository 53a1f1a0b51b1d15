/** Load balancer addresses on the lab's LAN. The suite that mostly waits has a lab of its own, beside the others. */
import { describe } from 'node:test';
import { addresses } from './l2/addresses.ts';
import { announcing } from './l2/announcing.ts';
import { claims, claimsOver } from './l2/claims.ts';
import { controlPlane } from './l2/control-plane.ts';
import { failures } from './l2/failures.ts';
import { handover } from './l2/handover.ts';
import { stories } from './l2/stories.ts';
import { telling } from './l2/telling.ts';

/** A suite's stories run one after the other, as they would not by themselves in suites that run beside each other. */
const IN_TURN = { concurrency: 1 };

describe('load balancer addresses on the LAN', { concurrency: 2 }, () => {
  describe('while the control plane stands still', IN_TURN, () => controlPlane(stories({ nodes: 3 })));
  describe('with three nodes', IN_TURN, () => {
    const shared = stories({ nodes: 3 });
    for (const chapter of [claims, announcing, telling, addresses, claimsOver, handover, failures]) chapter(shared);
  });
});
