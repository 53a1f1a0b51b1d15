/** Load balancer addresses on the lab's LAN. Much of it is waiting: each suite has a lab of its own, and they run beside each other. */
import { describe } from 'node:test';
import { addresses } from './l2/addresses.feature.ts';
import { announcing } from './l2/announcing.feature.ts';
import { claims, claimsOver } from './l2/claims.feature.ts';
import { controlPlane } from './l2/control-plane.feature.ts';
import { failures } from './l2/failures.feature.ts';
import { handover } from './l2/handover.feature.ts';
import type { Stories } from './l2/stories.ts';
import { telling } from './l2/telling.feature.ts';
import { World } from './l2/world.ts';
import { stories } from './stories.ts';

type Chapter = (stories: Stories) => void;

const SUITES: Readonly<Record<string, readonly Chapter[]>> = {
  'while the control plane stands still': [controlPlane],
  'with nodes that fail and move': [handover, failures],
  'with nodes that work': [claims, announcing, telling, addresses, claimsOver],
};

describe('load balancer addresses on the LAN', { concurrency: Object.keys(SUITES).length }, () => {
  for (const [name, chapters] of Object.entries(SUITES)) {
    // Stories of a suite are told in turn, which they would not be by themselves in suites that run beside each other.
    describe(name, { concurrency: 1 }, () => {
      const shared = stories(() => World.open({ nodes: 3 }));
      for (const chapter of chapters) chapter(shared);
    });
  }
});
