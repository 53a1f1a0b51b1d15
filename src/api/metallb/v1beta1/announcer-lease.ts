/**
 * The Lease by which the announcer of a node says that it lives, and what it sees of the others: the slow second opinion
 * beside heartbeats, and what tells people where announcers run. Pure.
 */
import { type Duration, milliseconds, minutes, seconds } from '../../../lib/duration.ts';
import { Lease } from '../../coordination/v1/lease.ts';
import { METALLB_NAMESPACE } from './names.ts';

/** Where the leases are. */
export const ANNOUNCER_LEASE_NAMESPACE = METALLB_NAMESPACE;
/** Between two renewals, at least. */
export const ANNOUNCER_LEASE_INTERVAL: Duration = seconds(5);
/** Without a renewal for so long, an announcer counts as gone; at least, as each lease says for itself how long it lasts. */
export const ANNOUNCER_LEASE_DURATION: Duration = seconds(15);
/** A lease lasts as long as so many renewals take. */
const RENEWALS = 3;
/** Every announcer is told of each renewal, so there are no more of them in a second, of all announcers together. */
const RENEWALS_PER_SECOND = 10;
/** No lease is believed for longer, whatever it says of itself. */
const LONGEST: Duration = minutes(30);

const PREFIX = 'postern-l2.';
const PORT = 'postern.dev/heartbeat-port';
const HEARS = 'postern.dev/hears';
const ON_LAN = 'postern.dev/on-lan';
const MACS = 'postern.dev/macs';
const READY = 'postern.dev/ready';
/** Names that are read of one lease, which anybody may have written. */
const MOST_HEARD = 10_000;
const MOST_MACS = 64;

/** What an announcer says of itself. */
export interface AnnouncerFacts {
  readonly node: string;
  /** UDP port of its heartbeats; undefined: it sends none. */
  readonly port: number | undefined;
  /** Nodes whose heartbeats it hears. */
  readonly hears: readonly string[];
  /** Whether it can reach its LAN at all. */
  readonly onLan: boolean;
  /** MACs that it announces with: what tells its claims from strangers' where its heartbeats do not get through. */
  readonly macs?: readonly string[];
  /** Whether it knows what there is to announce; one that does not yet is nobody's choice. Default: it does. */
  readonly ready?: boolean;
}

export interface AnnouncerLease extends AnnouncerFacts {
  /** For how long a renewal counts. */
  readonly duration: Duration;
  /** When it was renewed last by the clock of its node, in milliseconds since 1970; undefined: never. */
  readonly renewed: number | undefined;
}

/** The name of a node's lease. */
export function announcerLeaseName(node: string): string {
  return PREFIX + node;
}

/** Between two renewals where there are so many announcers. */
export function announcerLeaseInterval(announcers: number): Duration {
  return milliseconds(Math.max(ANNOUNCER_LEASE_INTERVAL, (announcers * 1000) / RENEWALS_PER_SECOND));
}

/** The lease that says this, and is renewed each `interval`. `now` is milliseconds since 1970. */
export function announcerLease(
  { node, port, hears, onLan, macs = [], ready = true }: AnnouncerFacts,
  now: number,
  interval: Duration = ANNOUNCER_LEASE_INTERVAL,
): Lease {
  return {
    apiVersion: Lease.apiVersion,
    kind: Lease.kind,
    metadata: {
      name: announcerLeaseName(node),
      namespace: ANNOUNCER_LEASE_NAMESPACE,
      annotations: {
        [PORT]: port === undefined ? '' : `${port}`,
        [HEARS]: hears.toSorted().join(),
        [ON_LAN]: `${onLan}`,
        [READY]: `${ready}`,
        [MACS]: macs.toSorted().slice(0, MOST_MACS).join(),
      },
    },
    spec: {
      holderIdentity: node,
      leaseDurationSeconds: Math.ceil((RENEWALS * interval) / 1000),
      // A metav1.MicroTime.
      renewTime: new Date(now).toISOString().replace(/(\.\d{3})Z$/, '$1000Z'),
    },
  };
}

/** What a lease says; undefined: it is not an announcer's. */
export function readAnnouncerLease({ metadata, spec }: Lease): AnnouncerLease | undefined {
  const { name = '', namespace, annotations = {} } = metadata;
  if (namespace !== ANNOUNCER_LEASE_NAMESPACE || !name.startsWith(PREFIX)) return undefined;
  const port = /^\d{1,5}$/.test(annotations[PORT] ?? '') ? Number(annotations[PORT]) : 0;
  const renewed = Date.parse(spec?.renewTime ?? '');
  return {
    node: name.slice(PREFIX.length),
    port: port >= 1 && port <= 65_535 ? port : undefined,
    hears: (annotations[HEARS] ?? '').split(',', MOST_HEARD).filter((each) => each !== ''),
    onLan: annotations[ON_LAN] !== 'false',
    ready: annotations[READY] !== 'false',
    macs: (annotations[MACS] ?? '').split(',', MOST_MACS).filter((each) => each !== ''),
    duration: durationOf(spec?.leaseDurationSeconds),
    renewed: Number.isNaN(renewed) ? undefined : renewed,
  };
}

/**
 * Whether a lease has been renewed lately by its own timestamp: for telling people, and for one that is seen for the first
 * time. Who announces is decided by when we saw it change: clocks of machines differ.
 */
export function isRenewedLately({ renewed, duration }: AnnouncerLease, now: number): boolean {
  return renewed !== undefined && now - renewed < duration;
}

function durationOf(said: number | undefined): Duration {
  return milliseconds(Math.min(Math.max((said ?? 0) * 1000, ANNOUNCER_LEASE_DURATION), LONGEST));
}
