/** The image of the demo guest, built by the program itself, which knows when there is nothing to do. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { bringPackageLists } from './packages.mjs';
import { CACHE, nodePath, ROOT } from './paths.mjs';
import { step } from './progress.mjs';
import { mustRunLogged } from './run.mjs';

/** Builds the demo guest's image into .cache/images unless it is there and current. */
export async function bringDemoImage() {
  // The guest's kernel and busybox come as Debian packages, and finding them takes apt's lists.
  if (!existsSync(join(CACHE, 'images', 'index.json'))) await bringPackageLists();
  const argv = [nodePath(), join(ROOT, 'src', 'cli', 'main.ts'), 'image', 'build', 'demo'];
  await step('Building the demo guest', () => mustRunLogged('demo-image', argv));
}
