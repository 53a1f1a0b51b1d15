/** Stories that share a world: one after the other, in the order in which they stand. */
import { after, before, test } from 'node:test';

/** What stories happen in. */
interface SharedWorld {
  /** The last lines of every log. */
  logs(): Promise<string>;
  /** Throws when a story has left behind what no story may. Default: nothing is looked for. */
  check?(): Promise<void>;
  close(): Promise<void>;
}

export interface Stories<W> {
  /** Only within a story. */
  readonly world: W;
  /** A story that fails tells what the world's processes said. */
  story(name: string, run: () => Promise<void>): void;
}

/** To be called at the beginning of a file or suite: the world lasts as long as its stories do. */
export function stories<W extends SharedWorld>(open: () => Promise<W>): Stories<W> {
  let world: W | undefined;
  before(async () => {
    world = await open();
  });
  after(() => world?.close());
  const running = (): W => {
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
          await running().check?.();
        } catch (cause) {
          const message = cause instanceof Error ? cause.message : String(cause);
          throw new Error(`${message}\n${await running().logs()}`, { cause });
        }
      });
    },
  };
}
