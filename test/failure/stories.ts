/** Stories of what fails, and what goes on: requests of a story's time are answered, and when it ends all is mended. */
import { type Stories as SharedStories, stories } from '../e2e/stories.ts';
import { World } from './world.ts';

export type Stories = SharedStories<World>;

/** Stories in one world, each of which begins when all is well. */
export function failureStories(open: () => Promise<World> = () => World.open()): Stories {
  const shared = stories(open);
  return {
    get world() {
      return shared.world;
    },
    story(name, run) {
      shared.story(name, async () => {
        shared.world.begin();
        try {
          await run();
        } catch (error) {
          // The next story begins where all is well, whatever became of this one.
          await shared.world.mend().catch(() => {});
          throw error;
        }
      });
    },
  };
}
