/** Traffic as a table for people. */
import { textTable } from '../output.ts';
import type { Row } from './rows.ts';

const NUMBERS = ['CONN/S', 'IN/S', 'OUT/S', 'CONNECTIONS', 'PACKETS IN', 'PACKETS OUT', 'BYTES IN', 'BYTES OUT'];

/** IN is to endpoints, OUT is back from them. Endpoints are set in below their port. */
export function trafficTable(rows: readonly Row[], options: { readonly namespaces: boolean }): string {
  const names = [...(options.namespaces ? ['NAMESPACE'] : []), 'SERVICE', 'PORT'];
  const cells = rows.map((row) => [...namesOf(row, options.namespaces), ...numbersOf(row)]);
  const widths = NUMBERS.map((header, i) =>
    Math.max(header.length, ...cells.map((row) => (row[names.length + i] ?? '').length)),
  );
  const aligned = (row: readonly string[]) =>
    row.map((cell, i) => (i < names.length ? cell : cell.padStart(widths[i - names.length] ?? 0)));
  return textTable(aligned([...names, ...NUMBERS]), cells.map(aligned));
}

function namesOf({ namespace, service, port, endpoint }: Row, namespaces: boolean): readonly string[] {
  if (endpoint === undefined) return [...(namespaces ? [namespace] : []), service, port];
  return namespaces ? ['', `  ${endpoint}`, ''] : [`  ${endpoint}`, ''];
}

function numbersOf({ total, perSecond }: Row): readonly string[] {
  return [
    rounded(perSecond.connections),
    `${printBytes(perSecond.in.bytes)}/s`,
    `${printBytes(perSecond.out.bytes)}/s`,
    `${total.connections}`,
    `${total.in.packets}`,
    `${total.out.packets}`,
    printBytes(total.in.bytes),
    printBytes(total.out.bytes),
  ];
}

const rounded = (value: number): string => (value < 10 ? `${Number(value.toFixed(1))}` : `${Math.round(value)}`);

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** In powers of 1000, three digits at least: `512B`, `1.46kB`, `23.4MB`. */
export function printBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : Number(value.toPrecision(3))}${UNITS[unit]}`;
}
