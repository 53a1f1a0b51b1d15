/**
 * `node scripts/setup.mjs TARGET [ARGUMENT…]`: makes this checkout ready to run, then does what was asked for. Every npm
 * script goes through here, so that one command is enough on a fresh machine. Runs on Node.js 20 without any dependency:
 * it is what installs the dependencies.
 */

import { bringDemoImage } from './setup/demo-image.mjs';
import { fail } from './setup/fail.mjs';
import { bringKubectl } from './setup/kubectl.mjs';
import { bringModules } from './setup/modules.mjs';
import { bringBenchPackages, bringPackages, bringTestPackages } from './setup/packages.mjs';
import { bench, check, failures, labHa, quickstart, test } from './setup/targets.mjs';

/** What each target needs before it can start, and how it starts. Resolves to the exit status. */
const TARGETS = {
  setup: { needs: [bringModules, bringPackages, bringKubectl, bringDemoImage], run: async () => 0 },
  quickstart: { needs: [bringModules, bringPackages, bringKubectl, bringDemoImage], run: quickstart },
  test: { needs: [bringModules, bringPackages, bringTestPackages, bringKubectl, bringDemoImage], run: test },
  failures: { needs: [bringModules, bringPackages, bringTestPackages, bringKubectl], run: failures },
  'lab-ha': {
    needs: [bringModules, bringPackages, bringTestPackages, bringKubectl, bringDemoImage],
    run: labHa,
  },
  bench: { needs: [bringModules, bringPackages, bringBenchPackages, bringKubectl, bringDemoImage], run: bench },
  check: { needs: [bringModules], run: check },
};

async function main([name, ...args]) {
  const target = Object.hasOwn(TARGETS, name ?? '') ? TARGETS[name] : undefined;
  if (target === undefined) {
    fail(`unknown target ${JSON.stringify(name ?? '')}`, `Use one of: ${Object.keys(TARGETS).join(', ')}.`);
  }
  for (const bring of target.needs) await bring();
  return target.run(args);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error.name !== 'SetupError') throw error;
  console.error(`\nsetup: ${error.message}`);
  process.exitCode = 1;
}
