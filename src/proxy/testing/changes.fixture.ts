// A random history, change by change, leaves the kernel with what a full load of its end does. Runs alone in a network
// namespace, with the seed as its argument: see nftables/rules.test.ts.
import assert from 'node:assert/strict';
import { openLibnftables } from '../../host/libnftables.ts';
import { runCommand } from '../../host/process.ts';
import { mustParseIP } from '../../lib/ip.ts';
import { kernelNetfilter } from '../../netfilter/kernel.ts';
import { desiredForwarding } from '../forwarding/desired.ts';
import type { Forwarding } from '../forwarding/forwarding.ts';
import { ForwardingTable } from '../forwarding/forwarding-table.ts';
import { nftablesMode } from '../nftables/nftables-mode.ts';
import { LOCALITIES, NODE_ADDRESSES, NODE_NAME } from './node.ts';
import { randomChange, randomFrom } from './random-changes.ts';

const CHANGES = 300;
const random = randomFrom(Number(process.argv[2]));
const runner = await openLibnftables();
const netfilter = kernelNetfilter(runner);
const last = new Map<string, Forwarding | undefined>();
const mode = nftablesMode({ netfilter, localities: LOCALITIES, keepIdle: 0 });
const table = new ForwardingTable(LOCALITIES.keys());

/** Everything in the kernel, element by element, in an order of its own. */
async function ruleset(): Promise<readonly string[]> {
  const { stdout } = await runCommand(['nft', '--json', 'list', 'ruleset']);
  const { nftables } = JSON.parse(stdout) as { nftables: Record<string, { handle?: number; elem?: unknown[] }>[] };
  const lines = nftables.flatMap((item) =>
    Object.entries(item).flatMap(([kind, { handle: _, elem = [], ...rest }]) => [
      `${kind} ${JSON.stringify(rest)}`,
      ...elem.map((element) => `${kind} ${JSON.stringify(rest)} ${JSON.stringify(element)}`),
    ]),
  );
  return lines.sort();
}

await mode.load(table);
for (let change = 0; change < CHANGES; change++) {
  const { name, service, slices } = randomChange(random);
  const wanted = service && desiredForwarding(service, slices, { name: NODE_NAME });
  last.set(`default/${name}`, wanted);
  table.set(`default/${name}`, wanted);
  if (change % 7 === 0) table.setNodeAddresses(change % 2 === 0 ? NODE_ADDRESSES.map(mustParseIP) : []);
  // Some changes arrive together.
  if (random() < 0.7) await mode.change(table.takeChanges());
  if (change % 50 === 0) await mode.tidy();
}
await mode.change(table.takeChanges());
await mode.tidy();
assert(await mode.intact());
const incremental = await ruleset();

// A run that starts anew finds nothing to do.
let applied = 0;
const again = nftablesMode({
  netfilter: {
    ...netfilter,
    apply: async (transaction) => {
      applied++;
      await netfilter.apply(transaction);
    },
  },
  localities: LOCALITIES,
});
const restarted = new ForwardingTable(LOCALITIES.keys());
restarted.recallBy(await again.recall?.());
for (const [name, forwarding] of last) restarted.set(name, forwarding);
restarted.setNodeAddresses([...table.nodeAddresses()]);
await again.load(restarted);
assert.equal(applied, 0);

await mode.remove();
await mode.load(table);
assert.deepEqual(incremental, await ruleset());
await runner.close();
