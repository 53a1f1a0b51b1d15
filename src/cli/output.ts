/** What is printed: tables for people, JSON or YAML for programs. */
import type { OutputFormat } from './options.ts';

/** Columns padded to their widest cell, two spaces between, no trailing blanks. */
export function textTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all
    .map((row) =>
      header
        .map((_, column) => (row[column] ?? '').padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Prints `value` in the asked-for format, or as `text` says for people. */
export function print(value: unknown, format: OutputFormat, text: () => string): Promise<void> {
  return printTo(process.stdout, value, format, text);
}

/** As {@link print}, for a command whose standard output may be something else. */
export async function printTo(
  out: NodeJS.WritableStream,
  value: unknown,
  format: OutputFormat,
  text: () => string,
): Promise<void> {
  out.write(format === undefined ? `${text()}\n` : await document(value, format));
}

async function document(value: unknown, format: NonNullable<OutputFormat>): Promise<string> {
  if (format === 'json') return `${JSON.stringify(value, null, 2)}\n`;
  const { stringify } = await import('yaml'); // Every command would pay for it otherwise.
  return stringify(value);
}
