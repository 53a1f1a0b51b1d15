/** Agents that are gone for a while: the node is said to be silent, and what it forwards goes on. */
import { labStart, labStop } from '../../src/lab/lab.ts';
import type { Stories } from './stories.ts';
import { ENTRANCE } from './world.ts';

/** Milliseconds until a node that is silent is said not to be Ready: what it may be silent for, and a while. */
const GIVEN_UP = 20_000;

export function agentGone(stories: Stories): void {
  stories.story(
    'a node whose agent is gone is told to be silent, goes on forwarding, and is Ready when it is back',
    async () => {
      const { world } = stories;
      // Its announcer goes with the agent: another node answers for the addresses then.
      const gone = world.lan.nodes.find(({ name }) => name !== ENTRANCE)?.name ?? '';
      await labStop(world.dir, [gone], 'SIGKILL');
      await world.lan.eventually(
        `${gone} is not Ready`,
        async () => ((await world.notReady()).join() === gone ? true : undefined),
        GIVEN_UP,
      );
      world.assertNothingLost();
      await labStart(world.dir, [gone]);
      await world.untilWell();
    },
  );
}
