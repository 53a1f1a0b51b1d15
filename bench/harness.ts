/**
 * What every bench shares: samples in, a table and one `figure` line per goal out. With `--check`, a missed goal is exit
 * status 1. Nothing is called fast without its bench.
 */
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { textTable } from '../src/cli/output.ts';
import { VERSION } from '../src/cli/version.ts';

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The value must stay under this. */
  readonly goal: number;
  /** It must be this at least instead. */
  readonly atLeast?: boolean;
}

export interface Row {
  readonly what: string;
  readonly samples: readonly number[];
  readonly unit: string;
}

/** What one part of a bench has to report. */
export interface Measured {
  readonly rows: readonly Row[];
  readonly figures: readonly Figure[];
}

export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** The smallest sample that at least the share `q` of all samples do not exceed. NaN without samples. */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

/** Measures the parts that the command line names, or all, one after another, and reports on them. */
export async function measureParts(parts: Readonly<Record<string, () => Measured | Promise<Measured>>>): Promise<void> {
  const named = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
  const unknown = named.find((name) => parts[name] === undefined);
  if (unknown !== undefined) throw new Error(`no part ${unknown}; there are ${Object.keys(parts).join(', ')}`);
  const measured: Measured[] = [];
  for (const [name, measure] of Object.entries(parts)) {
    if (named.length === 0 || named.includes(name)) measured.push(await measure());
  }
  report(
    measured.flatMap(({ rows }) => rows),
    measured.flatMap(({ figures }) => figures),
  );
}

/** Prints the machine, the rows and the figures, and sets the exit status. */
export function report(rows: readonly Row[], figures: readonly Figure[]): void {
  console.log(machine());
  console.log();
  console.log(
    textTable(
      ['MEASURED', 'UNIT', 'RUNS', 'MIN', 'MEDIAN', 'P99', 'MAX'],
      rows.map(({ what, unit, samples }) => [
        what,
        unit,
        String(samples.length),
        ...[0, 0.5, 0.99, 1].map((q) => round(quantile(samples, q))),
      ]),
    ),
  );
  console.log();
  for (const figure of figures) {
    const { name, value, unit, goal, atLeast = false } = figure;
    const limit = atLeast ? `at least ${goal}` : String(goal);
    console.log(`figure ${name} ${round(value)} ${unit}, goal ${limit}: ${isReached(figure) ? 'ok' : 'MISSED'}`);
  }
  if (process.argv.includes('--check') && !figures.every(isReached)) process.exitCode = 1;
}

/** A value that is no number reaches nothing. */
function isReached({ value, goal, atLeast = false }: Figure): boolean {
  return atLeast ? value >= goal : value < goal;
}

/** A figure that is a number a person reads: three digits that matter. */
function round(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(3))) : 'none';
}

/** The machine and version that the figures are of. */
function machine(): string {
  const model = /model name\s*:\s*(.+)/.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? process.arch;
  const memory = Math.round(totalmem() / 2 ** 30);
  return `postern ${VERSION}, Node.js ${process.version}, Linux ${release()}, ${cpus().length} x ${model}, ${memory} GiB`;
}
