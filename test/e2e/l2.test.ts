/** Load balancer addresses on the lab's LAN. Each suite has a lab of its own; those that mostly wait run beside each other. */
import { describe } from 'node:test';
import { announcing } from './l2/announcing.ts';
import { stories } from './l2/stories.ts';

describe('load balancer addresses on the LAN', { concurrency: 2 }, () => {
  describe('announcing', () => announcing(stories({ nodes: 3 })));
});
