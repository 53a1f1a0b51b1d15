/** Stories in one of these worlds. */
import type { Stories as SharedStories } from '../stories.ts';
import type { World } from './world.ts';

export type Stories = SharedStories<World>;
