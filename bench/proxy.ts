/**
 * The node proxy: how long loads and changes take, what packets notice of it, at four sizes. Ratios are of one run.
 * `npm run bench -- proxy [loads|packets|process]... [--check]`: all of it, or only parts.
 */
import { type Measured, report } from './harness.ts';
import { loads } from './proxy/loads.ts';
import { asProcess } from './proxy/process.ts';
import { packets } from './proxy/seen-by-packets.ts';

const PARTS: Readonly<Record<string, () => Measured | Promise<Measured>>> = { loads, packets, process: asProcess };

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
