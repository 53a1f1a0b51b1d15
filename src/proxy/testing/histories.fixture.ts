// A random history of Services and endpoints, change by change, leaves in the kernel what its end alone does when it is loaded
// afresh. Runs alone in fresh namespaces, with the mode and the seed as its arguments: see ../histories.test.ts.
import assert from 'node:assert/strict';
import { openLibnftables } from '../../host/libnftables.ts';
import { mustParseIP } from '../../lib/ip.ts';
import { desiredForwarding } from '../forwarding/desired.ts';
import { ForwardingTable } from '../forwarding/forwarding-table.ts';
import { MODES, type ModeName } from './features/modes.ts';
import { LOCALITIES, NODE_ADDRESSES, NODE_NAME } from './node.ts';
import { randomChange, randomFrom } from './random-changes.ts';

const CHANGES = 120;
/** How often the kernel is compared: a difference is then near the change that made it. */
const COMPARED_EVERY = 40;

const [name = 'nftables', seed = '1'] = process.argv.slice(2);
const tested = MODES[name as ModeName];
const random = randomFrom(Number(seed));
const runner = await openLibnftables();
const table = new ForwardingTable(LOCALITIES.keys());
const open = () => tested.open(LOCALITIES, runner, { tidiest: true });
let mode = await open();

await mode.load(table);
for (let change = 1; change <= CHANGES; change++) {
  const { name: changed, service, slices } = randomChange(random);
  table.set(`default/${changed}`, service && desiredForwarding(service, slices, { name: NODE_NAME }));
  if (change % 7 === 0) table.setNodeAddresses(random() < 0.5 ? NODE_ADDRESSES.map(mustParseIP) : []);
  // Some changes arrive together.
  if (random() < 0.7) await mode.change(table.takeChanges());
  if (change % COMPARED_EVERY === 0) await compare(`after ${change} changes`);
}
await runner.close();

/** Goes on with the mode that loaded everything: what comes next starts from there. */
async function compare(when: string): Promise<void> {
  await mode.change(table.takeChanges());
  await mode.tidy();
  assert(await mode.intact(), when);
  const incremental = await tested.rules();
  await mode.remove();
  mode = await open();
  await mode.load(table);
  assert.deepEqual(incremental.split('\n'), (await tested.rules()).split('\n'), when);
}
