/** Stories that share a world: one after the other, in the order in which they stand. */
import { after, before, test } from 'node:test';
import { World } from './world.ts';

export interface Stories {
  /** Only within a story. */
  readonly world: World;
  /** A story that fails tells what the lab's processes said. */
  story(name: string, run: () => Promise<void>): void;
}

/** To be called at the beginning of a file or suite: the world lasts as long as its stories do. */
export function stories(options: { readonly nodes: number }): Stories {
  let world: World | undefined;
  before(async () => {
    world = await World.open(options);
  });
  after(() => world?.close());
  const running = (): World => {
    if (world === undefined) throw new Error('there is no world outside of a story');
    return world;
  };
  return {
    get world() {
      return running();
    },
    story(name, run) {
      test(name, async () => {
        try {
          await run();
        } catch (cause) {
          const message = cause instanceof Error ? cause.message : String(cause);
          throw new Error(`${message}\n${await running().logs()}`, { cause });
        }
      });
    },
  };
}
