/**
 * The node proxy: how long loads and changes take, what packets notice of it, at four sizes. Ratios are of one run.
 * `npm run bench -- proxy [loads|packets|process]... [--check]`: all of it, or only parts.
 */
import { measureParts } from './harness.ts';
import { loads } from './proxy/loads.ts';
import { asProcess } from './proxy/process.ts';
import { packets } from './proxy/seen-by-packets.ts';

await measureParts({ loads, packets, process: asProcess });
