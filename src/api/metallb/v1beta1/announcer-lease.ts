/**
 * The Lease by which the announcer of a node says that it lives, and what it sees of the others: the slow second opinion
 * beside heartbeats, and what tells people where announcers run. Pure.
 */
import { type Duration, seconds } from '../../../lib/duration.ts';
import { Lease } from '../../coordination/v1/lease.ts';
import { METALLB_NAMESPACE } from './names.ts';

/** Where the leases are. */
export const ANNOUNCER_LEASE_NAMESPACE = METALLB_NAMESPACE;
/** Between two renewals. */
export const ANNOUNCER_LEASE_INTERVAL: Duration = seconds(5);
/** Without a renewal for so long, an announcer counts as gone. */
export const ANNOUNCER_LEASE_DURATION: Duration = seconds(15);

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
  /** When it was renewed last by the clock of its node, in milliseconds since 1970; undefined: never. */
  readonly renewed: number | undefined;
}

/** The name of a node's lease. */
export function announcerLeaseName(node: string): string {
  return PREFIX + node;
}

/** The lease that says this. `now` is milliseconds since 1970. */
export function announcerLease(
  { node, port, hears, onLan, macs = [], ready = true }: AnnouncerFacts,
  now: number,
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
      leaseDurationSeconds: ANNOUNCER_LEASE_DURATION / 1000,
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
    renewed: Number.isNaN(renewed) ? undefined : renewed,
  };
}

/**
 * Whether a lease has been renewed lately by its own timestamp: for telling people, and for one that is seen for the first
 * time. Who announces is decided by when we saw it change: clocks of machines differ.
 */
export function isRenewedLately({ renewed }: AnnouncerLease, now: number): boolean {
  return renewed !== undefined && now - renewed < ANNOUNCER_LEASE_DURATION;
}
