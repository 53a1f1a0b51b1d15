// Loads more than the kernel takes from the unprivileged at once: into nothing, and in place of that. Runs alone in user and network namespaces.
import { openLibnftables } from '../host/libnftables.ts';
import { kernelNetfilter } from './kernel.ts';
import type { Operation, Placed, Table } from './model.ts';

const TABLE: Table = {
  family: 'ip6',
  name: 'pst-large',
  sets: [{ name: 'seen', key: { kind: 'types', types: ['address', 'inet_service'] } }],
  // With a rule, so that the second load finds the table there.
  chains: [{ name: 'pass', rules: [{ matches: [], statement: { kind: 'verdict', verdict: { kind: 'return' } } }] }],
};
const COUNT = 20_000;
const elements = Array.from(
  { length: COUNT },
  (_, port): Placed => ({ set: 'seen', element: { key: ['fd00:10:96:1234::ffff', port + 1] } }),
);
const load: Operation = { kind: 'replace-table', table: TABLE, elements };

const runner = await openLibnftables();
const netfilter = kernelNetfilter(runner);
await netfilter.apply([load]);
await netfilter.apply([load]);
// Refused unless every one of them is there.
await netfilter.apply(elements.map((placed): Operation => ({ kind: 'delete-element', table: TABLE, placed })));
await runner.close();
