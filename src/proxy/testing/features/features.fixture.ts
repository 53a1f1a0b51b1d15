// Shows every feature and story in one mode, given as its argument, and prints the results as JSON. A second argument chooses
// those whose names contain it. Runs alone in fresh namespaces.
import { IP_FAMILIES, type IPFamily } from '../../../lib/ip.ts';
import { buildWorld } from '../world/world.ts';
import { Case } from './case.ts';
import type { Feature, Result } from './feature.ts';
import { FEATURES } from './index.ts';
import type { ModeName } from './modes.ts';
import { NodeUnderTest } from './node-under-test.ts';
import { STORIES } from './stories.ts';

/** Features that are shown at once: most of their time is spent waiting. */
const AT_ONCE = 8;

const [mode = 'nftables', wanted = ''] = process.argv.slice(2);
const [world, node] = await Promise.all([buildWorld(), NodeUnderTest.open()]);
const features = FEATURES.filter(({ name }) => name.includes(wanted));
const stories = STORIES.filter(({ name }) => name.includes(wanted));
const results: Result[] = [];
let cases = 0;

for (const setting of new Set(features.map((feature) => feature.setting))) {
  await node.start(mode as ModeName, setting);
  await showAll(features.filter((feature) => feature.setting === setting));
}
if (stories.length > 0) await node.start(mode as ModeName, 'default');
for (const { name, run } of stories) {
  results.push({ name, ...(await outcome(() => run(IP_FAMILIES.map(newCase), node))) });
}
await node.stop();
world.close();
process.stdout.write(`${JSON.stringify(results)}\n`, () => process.exit(0));

async function showAll(some: readonly Feature[]): Promise<void> {
  const queue = some.flatMap((feature) => IP_FAMILIES.map((family) => ({ feature, family })));
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { feature, family } = next;
      results.push({ name: feature.name, family, ...(await outcome(() => feature.run(newCase(family)))) });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

function newCase(family: IPFamily): Case {
  return new Case({ number: ++cases, family, node, world });
}

async function outcome(run: () => Promise<void>): Promise<Pick<Result, 'error' | 'took'>> {
  const started = performance.now();
  let error: string | undefined;
  await run().catch((thrown) => {
    error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  });
  return { error, took: performance.now() - started };
}
