/**
 * Load balancer addresses on the LAN: what clients notice when the announcing node crashes or hands over, what a thousand
 * addresses on one node take, and what choosing an address costs.
 * `npm run bench -- l2 [failover|handover|many|allocation]... [--check]`: all of it, or only parts.
 */
import { type Measured, report } from './harness.ts';
import { allocation } from './l2/allocation.ts';
import { failover } from './l2/failover.ts';
import { handover } from './l2/handover.ts';
import { many } from './l2/many.ts';

const PARTS: Readonly<Record<string, () => Measured | Promise<Measured>>> = { failover, handover, many, allocation };

const named = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const unknown = named.find((name) => PARTS[name] === undefined);
if (unknown !== undefined) throw new Error(`no part ${unknown}; there are ${Object.keys(PARTS).join(', ')}`);
const measured: Measured[] = [];
for (const [name, measure] of Object.entries(PARTS)) {
  if (named.length === 0 || named.includes(name)) measured.push(await measure());
}
report(
  measured.flatMap(({ rows }) => rows),
  measured.flatMap(({ figures }) => figures),
);
