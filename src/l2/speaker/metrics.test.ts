import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printMetrics } from '../../lib/metrics.ts';
import type { LanStatus } from '../lan/messages.ts';
import { pool } from '../testing.ts';
import { metricsOf } from './metrics.ts';
import { announced } from './testing.ts';

const STATUS: LanStatus = {
  announcing: [{ ...announced('192.0.2.10', ['ns/a', 'ns/b']), answered: 7, told: 10 }],
  conflicts: [],
  peers: [
    { name: 'n2', state: 'heard', since: 0, roundTrip: 0.4 },
    { name: 'n3', state: 'lost', since: 0, roundTrip: undefined },
  ],
  elected: { '192.0.2.10': 'n1', '192.0.2.11': undefined, '192.0.2.12': 'n2' },
  silent: undefined,
  counts: {
    'ARP reply': 7,
    'NDP announcement': 3,
    'ARP not-ours': 9,
    elections: 4,
    failovers: 1,
    'heartbeats sent': 99,
  },
};
const IN_USE = { assignedIPv4: 3, assignedIPv6: 0, availableIPv4: 253, availableIPv6: 0 };

function lines(status: LanStatus): readonly string[] {
  const pools = [{ ...pool('lan', ['192.0.2.0/24']), status: IN_USE }, pool('new', ['198.51.100.0/24'])];
  return printMetrics(metricsOf({ nodeName: 'n1', status, pools })).split('\n');
}

for (const line of [
  'metallb_speaker_announced{service="ns/a",protocol="layer2",node="n1",ip="192.0.2.10"} 1',
  'metallb_speaker_announced{service="ns/b",protocol="layer2",node="n1",ip="192.0.2.10"} 1',
  'metallb_layer2_requests_received{ip="192.0.2.10"} 7',
  'metallb_layer2_responses_sent{ip="192.0.2.10"} 7',
  'metallb_layer2_gratuitous_sent{ip="192.0.2.10"} 10',
  'metallb_allocator_addresses_total{pool="metallb-system/lan"} 256',
  'metallb_allocator_addresses_in_use_total{pool="metallb-system/lan"} 3',
  'postern_l2_addresses 3',
  'postern_l2_addresses_unannounced 1',
  'postern_l2_elections_total 4',
  'postern_l2_failovers_total 1',
  'postern_l2_handovers_total 0',
  'postern_l2_heartbeats_total{what="sent"} 99',
  'postern_l2_frames_total{protocol="ARP",what="not-ours"} 9',
  'postern_l2_frames_total{protocol="NDP",what="announcement"} 3',
  'postern_l2_peers{state="heard"} 1',
  'postern_l2_peer_round_trip_seconds{peer="n2"} 0.0004',
  'postern_l2_silent 0',
]) {
  test(line, () => assert.ok(lines(STATUS).includes(line)));
}

test('a node that is silent says so, and a pool that has no counters yet is left out', () => {
  assert.ok(lines({ ...STATUS, silent: 'it hears nobody' }).includes('postern_l2_silent 1'));
  assert.ok(!lines(STATUS).some((line) => line.includes('metallb-system/new')));
});
