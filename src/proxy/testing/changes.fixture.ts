// A random history, change by change, leaves the kernel with what a full load of its end does. Runs alone in a network
// namespace, with the seed as its argument: see forwarding-table.test.ts.
import assert from 'node:assert/strict';
import { openLibnftables } from '../../host/libnftables.ts';
import { runCommand } from '../../host/process.ts';
import { IP_FAMILIES, mustParseIP } from '../../lib/ip.ts';
import { kernelNetfilter } from '../../netfilter/kernel.ts';
import { apply, applyIdle, intact } from '../apply.ts';
import { desiredForwarding } from '../desired.ts';
import { ForwardingTable } from '../forwarding-table.ts';
import { LOCALITIES, NODE_ADDRESSES, NODE_NAME } from './node.ts';
import { randomChange, randomFrom } from './random-changes.ts';

const CHANGES = 300;
const random = randomFrom(Number(process.argv[2]));
const runner = await openLibnftables();
const netfilter = kernelNetfilter(runner);
const table = new ForwardingTable(LOCALITIES);

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

await apply(table, netfilter, true);
for (let change = 0; change < CHANGES; change++) {
  const { name, service, slices } = randomChange(random);
  table.set(`default/${name}`, service && desiredForwarding(service, slices, NODE_NAME));
  if (change % 7 === 0) table.setNodeAddresses(change % 2 === 0 ? NODE_ADDRESSES.map(mustParseIP) : []);
  // Some changes arrive together.
  if (random() < 0.7) await apply(table, netfilter, false);
  if (change % 50 === 0) await applyIdle(table, netfilter, 0);
}
await apply(table, netfilter, false);
await applyIdle(table, netfilter, 0);
assert(await intact(table, netfilter, IP_FAMILIES));
const incremental = await ruleset();
await apply(table, netfilter, true);
assert.deepEqual(incremental, await ruleset());
await runner.close();
