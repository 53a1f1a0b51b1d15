// Shows every feature in one mode, given as its argument, and prints the results as JSON. Runs alone in fresh namespaces.
import { IP_FAMILIES } from '../../../lib/ip.ts';
import { buildWorld } from '../world/world.ts';
import { Case } from './case.ts';
import type { Result } from './feature.ts';
import { FEATURES } from './index.ts';
import { NodeUnderTest } from './node-under-test.ts';
import type { ModeName } from './settings.ts';

/** Features that are shown at once: most of their time is spent waiting. */
const AT_ONCE = 4;

const [mode = 'nftables', only = ''] = process.argv.slice(2);
const [world, node] = await Promise.all([buildWorld(), NodeUnderTest.open()]);
const results: Result[] = [];

const all = FEATURES.filter(({ name }) => name.includes(only));
const cases = all.flatMap((feature) =>
  IP_FAMILIES.map((family) => ({
    feature,
    family,
    number: 1 + IP_FAMILIES.length * FEATURES.indexOf(feature) + IP_FAMILIES.indexOf(family),
  })),
);

for (const setting of new Set(all.map((feature) => feature.setting))) {
  await node.start(mode as ModeName, setting);
  const queue = cases.filter(({ feature }) => feature.setting === setting);
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) results.push(await show(next));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
await node.stop();
world.close();
process.stdout.write(`${JSON.stringify(results)}\n`, () => process.exit(0));

async function show({ feature, family, number }: (typeof cases)[number]): Promise<Result> {
  const started = performance.now();
  const about = { feature: feature.name, family };
  const took = () => performance.now() - started;
  try {
    await feature.run(new Case({ number, family, node, world }));
    return { ...about, error: undefined, took: took() };
  } catch (error) {
    return { ...about, error: error instanceof Error ? (error.stack ?? error.message) : String(error), took: took() };
  }
}
