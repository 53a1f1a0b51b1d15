/** What announcers report, as tables for people. */
import { printDuration } from '../../lib/duration.ts';
import { compareIP, type IPAddress, mustParseIP } from '../../lib/ip.ts';
import { textTable } from '../output.ts';
import { problemsOf } from './problems.ts';
import type { L2Report } from './report.ts';

/** `wide`: with the addresses that other nodes announce, and with counters. */
export function reportsText(reports: readonly L2Report[], options: { readonly wide: boolean }): string {
  const sections = [
    addresses(reports, options.wide),
    peers(reports),
    ...(options.wide ? [counters(reports)] : []),
    problems(reports),
  ];
  return sections.filter((section) => section !== undefined).join('\n\n');
}

interface AddressRow {
  readonly ip: IPAddress;
  readonly address: string;
  readonly cells: readonly string[];
}

function addresses(reports: readonly L2Report[], wide: boolean): string {
  const own = reports.flatMap(({ node, at, announcing }) =>
    announcing.map(({ address, protocol, interfaces, services, since, answered = 0, told = 0 }): AddressRow => {
      const where = interfaces.length === 0 ? '-' : interfaces.join(',');
      const counted = wide ? [`${answered}`, `${told}`] : [];
      return row(address, [node, protocol, where, age(at, since), ...counted, services.join(', ')]);
    }),
  );
  const shown = new Set(own.map(({ address }) => address));
  const others = new Map(
    reports
      .flatMap(({ elected }) => Object.entries(elected))
      .filter(([address]) => !shown.has(address))
      .map(([address, node]): [string, AddressRow] => [address, row(address, [node, '-', '-', '-', '-', '-', '-'])]),
  );
  const rows = wide ? [...own, ...others.values()] : own;
  if (rows.length === 0) {
    const names = reports.map(({ node }) => node).join(' and ');
    return `${names} announces no address${others.size === 0 ? '' : `; other nodes ${others.size}: -o wide`}`;
  }
  return textTable(
    ['ADDRESS', 'NODE', 'PROTOCOL', 'INTERFACES', 'FOR', ...(wide ? ['ANSWERED', 'TOLD'] : []), 'SERVICES'],
    rows.sort((a, b) => compareIP(a.ip, b.ip)).map(({ address, cells }) => [address, ...cells]),
  );
}

const row = (address: string, cells: readonly string[]): AddressRow => ({ ip: mustParseIP(address), address, cells });

/** What each node knows of the others. */
function peers(reports: readonly L2Report[]): string | undefined {
  const rows = reports.flatMap(({ node, at, peers }) =>
    [...peers]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, state, since, roundTrip }) => [node, name, state, age(at, since), roundTripText(roundTrip)]),
  );
  return rows.length === 0 ? undefined : textTable(['NODE', 'PEER', 'STATE', 'FOR', 'ROUND TRIP'], rows);
}

function counters(reports: readonly L2Report[]): string {
  const names = [...new Set(reports.flatMap(({ counts }) => Object.keys(counts)))].sort();
  const rows = names.map((name) => [name, ...reports.map(({ counts }) => `${counts[name] ?? 0}`)]);
  return textTable(['COUNTED SINCE THE START', ...reports.map(({ node }) => node)], rows);
}

function problems(reports: readonly L2Report[]): string {
  const all = problemsOf(reports);
  return all.length === 0
    ? 'Nothing is wrong that can be seen from here.'
    : ['Not as it should be:', ...all].join('\n  ');
}

const age = (at: number, since: number): string => printDuration(Math.max(0, at - since));

/** In milliseconds, three digits at least: a LAN's are well under one. */
const roundTripText = (ms: number | undefined): string => (ms === undefined ? '-' : `${Number(ms.toPrecision(3))}ms`);
