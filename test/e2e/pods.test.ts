/** Pods on the lab's nodes: real containers, a real kubectl, and a client outside of the cluster. */
import { describe } from 'node:test';
import { guestbook } from './pods/guestbook.feature.ts';
import { verbs } from './pods/kubectl.feature.ts';
import { neighbours } from './pods/neighbours.feature.ts';
import { restarts } from './pods/restarts.feature.ts';
import { rollouts } from './pods/rollout.feature.ts';
import { trouble } from './pods/trouble.feature.ts';
import { World } from './pods/world.ts';
import { stories } from './stories.ts';

describe('pods', () => {
  const shared = stories(() => World.open({ nodes: 2 }));
  for (const chapter of [guestbook, verbs, trouble, neighbours, rollouts, restarts]) chapter(shared);
});
