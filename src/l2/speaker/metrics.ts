/** The announcer's state and work, as metrics. Names of MetalLB's mean what they mean there. Pure. */
import { keyOf, keyText } from '../../api/meta/v1.ts';
import type { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import type { Metric, Sample } from '../../lib/metrics.ts';
import type { AnnouncedStatus, LanStatus, PeerState } from '../lan/messages.ts';

/** What is read at the moment that somebody asks. */
export interface MetricsInput {
  readonly nodeName: string;
  readonly status: LanStatus;
  readonly pools: readonly IPAddressPool[];
}

const PEER_STATES: readonly PeerState[] = ['heard', 'told', 'leased', 'leaving', 'lost', 'absent'];
const FRAMES = /^(ARP|NDP) (.+)$/;
const HEARTBEATS = /^heartbeats (.+)$/;

export function metricsOf(input: MetricsInput): readonly Metric[] {
  return [
    ...announced(input),
    ...addresses(input),
    ...frames(input.status),
    ...elections(input.status),
    ...peers(input),
  ];
}

function announced({ nodeName, status }: MetricsInput): readonly Metric[] {
  return [
    {
      ...{ name: 'metallb_speaker_announced', type: 'gauge' },
      help: 'Services announced from this node, by address.',
      samples: status.announcing.flatMap(({ address, services }) =>
        services.map((service) => ({
          labels: { service, protocol: 'layer2', node: nodeName, ip: address },
          value: 1,
        })),
      ),
    },
    gauge('postern_l2_addresses_announced', 'Addresses that this node announces.', status.announcing.length),
    gauge('postern_l2_conflicts', 'Addresses that other hosts of the LAN hold.', status.conflicts.length),
    gauge('postern_l2_silent', 'Whether this node announces nothing although it might.', status.silent ? 1 : 0),
  ];
}

function addresses({ status, pools }: MetricsInput): readonly Metric[] {
  const elected = Object.values(status.elected);
  const perPool = (count: (pool: NonNullable<IPAddressPool['status']>) => number): readonly Sample[] =>
    pools.flatMap((pool) =>
      pool.status === undefined ? [] : [{ labels: { pool: keyText(keyOf(pool)) }, value: count(pool.status) }],
    );
  const inUse = ({ assignedIPv4 = 0, assignedIPv6 = 0 }: NonNullable<IPAddressPool['status']>) =>
    assignedIPv4 + assignedIPv6;
  return [
    {
      ...{ name: 'metallb_allocator_addresses_total', type: 'gauge' },
      help: 'Addresses of each pool, as its status says.',
      samples: perPool((each) => inUse(each) + (each.availableIPv4 ?? 0) + (each.availableIPv6 ?? 0)),
    },
    {
      ...{ name: 'metallb_allocator_addresses_in_use_total', type: 'gauge' },
      help: 'Addresses of each pool that Services have, as its status says.',
      samples: perPool(inUse),
    },
    gauge('postern_l2_addresses', 'Addresses of Services that are to be announced.', elected.length),
    gauge(
      'postern_l2_addresses_unannounced',
      'Those of them that no node can announce, as seen from here.',
      elected.filter((node) => node === undefined).length,
    ),
  ];
}

function frames({ announcing, counts }: LanStatus): readonly Metric[] {
  const all = matching(counts, FRAMES).map(({ match: [, protocol = '', what = ''], value }) => ({
    protocol,
    what,
    value,
  }));
  const perAddress = (count: (announced: AnnouncedStatus) => number | undefined): readonly Sample[] =>
    announcing.map((announced) => ({ labels: { ip: announced.address }, value: count(announced) ?? 0 }));
  return [
    {
      ...{ name: 'metallb_layer2_requests_received', type: 'counter' },
      help: 'Questions for addresses that this node announces.',
      samples: perAddress(({ answered }) => answered),
    },
    {
      ...{ name: 'metallb_layer2_responses_sent', type: 'counter' },
      help: 'Answers to them.',
      samples: perAddress(({ answered }) => answered),
    },
    {
      ...{ name: 'metallb_layer2_gratuitous_sent', type: 'counter' },
      help: 'Announcements sent unasked.',
      samples: perAddress(({ told }) => told),
    },
    {
      ...{ name: 'postern_l2_frames_total', type: 'counter' },
      help: 'Frames that were read or sent, by what became of them.',
      samples: all.map(({ protocol, what, value }) => ({ labels: { protocol, what }, value })),
    },
  ];
}

function elections({ counts }: LanStatus): readonly Metric[] {
  const count = (name: string) => counts[name] ?? 0;
  return [
    counter('postern_l2_elections_total', 'Times that the announcer of an address was chosen.', count('elections')),
    counter('postern_l2_failovers_total', 'Addresses taken over from nodes that were lost.', count('failovers')),
    counter('postern_l2_handovers_total', 'Addresses taken over from nodes that lived.', count('handovers')),
    {
      ...{ name: 'postern_l2_heartbeats_total', type: 'counter' },
      help: 'Heartbeats, by what became of them.',
      samples: matching(counts, HEARTBEATS).map(({ match: [, what = ''], value }) => ({ labels: { what }, value })),
    },
  ];
}

function peers({ status }: MetricsInput): readonly Metric[] {
  return [
    {
      ...{ name: 'postern_l2_peers', type: 'gauge' },
      help: 'Other nodes, by how they are known to live or not.',
      samples: PEER_STATES.map((state) => ({
        labels: { state },
        value: status.peers.filter((peer) => peer.state === state).length,
      })),
    },
    {
      ...{ name: 'postern_l2_peer_round_trip_seconds', type: 'gauge' },
      help: 'Of the latest heartbeat of each node.',
      samples: status.peers.flatMap(({ name, roundTrip }) =>
        roundTrip === undefined ? [] : [{ labels: { peer: name }, value: roundTrip / 1000 }],
      ),
    },
  ];
}

function matching(counts: LanStatus['counts'], pattern: RegExp) {
  return Object.entries(counts).flatMap(([name, value]) => {
    const match = pattern.exec(name);
    return match === null ? [] : [{ match, value }];
  });
}

type Simple = (name: string, help: string, value: number) => Metric;
const counter: Simple = (name, help, value) => ({ name, help, type: 'counter', samples: [{ value }] });
const gauge: Simple = (name, help, value) => ({ name, help, type: 'gauge', samples: [{ value }] });
