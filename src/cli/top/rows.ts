/** From what proxies have counted to rows: of all nodes together, with how fast it grew. */
import { hostPort } from '../../proxy/traffic/metrics.ts';
import type { TrafficReport } from '../../proxy/traffic/report.ts';
import type { Traffic } from '../../proxy/traffic/totals.ts';

/** A port of a Service, or one of its endpoints. */
export interface Row {
  readonly namespace: string;
  readonly service: string;
  /** With its protocol: `80/TCP`. */
  readonly port: string;
  /** `ADDRESS:PORT`. Absent: of all endpoints. */
  readonly endpoint?: string;
  readonly total: Traffic;
  /** Of the same, since the report before. */
  readonly perSecond: Traffic;
}

/** What one proxy said at two times. */
export interface Pair {
  readonly before: TrafficReport;
  readonly after: TrafficReport;
}

export type SortBy = 'connections' | 'packets' | 'bytes';

/** Rows of Services, by rate and then by total, most first; those of endpoints behind their port, in the same order. */
export function rowsOf(
  pairs: readonly Pair[],
  options: { readonly namespace?: string | undefined; readonly endpoints: boolean; readonly sortBy: SortBy },
): readonly Row[] {
  const rows = new Map<string, Row>();
  for (const { before, after } of pairs) {
    const earlier = new Map(entriesOf(before).map((entry) => [entry.key, entry.total]));
    const seconds = (after.at - before.at) / 1000;
    for (const { key, ...entry } of entriesOf(after)) {
      if (options.namespace !== undefined && entry.namespace !== options.namespace) continue;
      if (entry.endpoint !== undefined && !options.endpoints) continue;
      const perSecond = rate(earlier.get(key), entry.total, seconds);
      const sofar = rows.get(key);
      rows.set(key, sofar === undefined ? { ...entry, perSecond } : plus(sofar, { ...entry, perSecond }));
    }
  }
  return sorted([...rows.values()], options.sortBy);
}

type Entry = Omit<Row, 'perSecond'> & { readonly key: string };

function entriesOf({ ports }: TrafficReport): readonly Entry[] {
  return ports.flatMap(({ namespace, service, port, protocol, endpoints, ...total }) => {
    const common = { namespace, service, port: `${port}/${protocol.toUpperCase()}` };
    const key = `${namespace}/${service} ${common.port}`;
    return [
      { ...common, key, total: trafficOf(total) },
      ...endpoints.map((one) => {
        const endpoint = hostPort(one);
        return { ...common, endpoint, key: `${key} ${endpoint}`, total: trafficOf(one) };
      }),
    ];
  });
}

const trafficOf = ({ connections, in: received, out }: Traffic): Traffic => ({ connections, in: received, out });

/** A total that became smaller began anew, as when its proxy was started again. */
function rate(before: Traffic | undefined, after: Traffic, seconds: number): Traffic {
  const began = before === undefined || after.connections < before.connections || after.in.bytes < before.in.bytes;
  const grown = (of: (traffic: Traffic) => number) =>
    seconds > 0 ? (of(after) - (began ? 0 : of(before))) / seconds : 0;
  return mapped(grown);
}

function plus(a: Row, b: Row): Row {
  const sum = (of: keyof Pick<Row, 'total' | 'perSecond'>) => mapped((number) => number(a[of]) + number(b[of]));
  return { ...a, total: sum('total'), perSecond: sum('perSecond') };
}

function mapped(value: (of: (traffic: Traffic) => number) => number): Traffic {
  return {
    connections: value((traffic) => traffic.connections),
    in: { packets: value((traffic) => traffic.in.packets), bytes: value((traffic) => traffic.in.bytes) },
    out: { packets: value((traffic) => traffic.out.packets), bytes: value((traffic) => traffic.out.bytes) },
  };
}

function sorted(rows: readonly Row[], by: SortBy): readonly Row[] {
  const amount = (traffic: Traffic) => (by === 'connections' ? traffic.connections : traffic.in[by] + traffic.out[by]);
  const busiest = (a: Row, b: Row) =>
    amount(b.perSecond) - amount(a.perSecond) || amount(b.total) - amount(a.total) || (nameOf(a) < nameOf(b) ? -1 : 1);
  const ofPorts = rows.filter(({ endpoint }) => endpoint === undefined).sort(busiest);
  const byPort = Map.groupBy(
    rows.filter(({ endpoint }) => endpoint !== undefined),
    portOf,
  );
  return ofPorts.flatMap((row) => [row, ...(byPort.get(portOf(row)) ?? []).sort(busiest)]);
}

const portOf = ({ namespace, service, port }: Row): string => `${namespace}/${service} ${port}`;
const nameOf = (row: Row): string => `${portOf(row)} ${row.endpoint ?? ''}`;
