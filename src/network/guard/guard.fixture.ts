/**
 * Two guests on a node's bridge, for `guard.test.ts`, which runs this in namespaces of its own: `node guard.fixture.ts STATE_DIR`.
 * What each sends is written frame by frame; prints which frames the node received.
 */
import { fakeClient } from '../../client/fake.ts';
import { silentLogger } from '../../host/log.ts';
import { openPacketSocket } from '../../host/packet-socket.ts';
import { runCommand } from '../../host/process.ts';
import { mustParseCIDR, printIP } from '../../lib/ip.ts';
import { deviceName, linkLocalOf } from '../leases.ts';
import { cleanupPodNetwork, startPodNetwork } from '../network.ts';
import type { Port } from '../pod-network.ts';
import { arp, dhcp, ethernet, icmpv6, type Sender, udp4, udp6, vlan } from './frames.ts';

const [, , stateDir = ''] = process.argv;
const ETH_P_ALL = 3;
const BROADCAST = 'ff:ff:ff:ff:ff:ff';
const OTHER_MAC = '02:00:00:00:00:99';
const LIMIT = 5000;

/** A veth in place of a guest's tap; what is sent into its other end is what a guest sends. */
async function guest(name: string): Promise<Sender> {
  const device = deviceName(name);
  await runCommand(['ip', 'link', 'add', device, 'type', 'veth', 'peer', 'name', name]);
  await runCommand(['ip', 'link', 'set', name, 'up']);
  const port = await network.attach({ podUID: name, podKey: `ns/${name}`, hostname: name });
  return { name, mac: port.mac, ...addressesOf(port) };
}

function addressesOf(port: Port) {
  const [v4 = '', v6 = ''] = port.addresses.map(printIP);
  return { v4, v6, linkLocal: linkLocalOf({ mac: port.mac, podKey: '' }) };
}

await runCommand(['ip', 'link', 'set', 'lo', 'up']);
const options = {
  client: fakeClient([]),
  nodeName: 'node1',
  podCIDRs: ['10.244.1.0/24', 'fd00:10:244:1::/64'].map(mustParseCIDR),
  stateDir,
  clusterDomain: 'cluster.local',
  log: silentLogger,
};
const first = new AbortController();
let network = await startPodNetwork(options, first.signal);
const a = await guest('guest-a');
const b = await guest('guest-b');

/** What a guest may send, and what it may not. */
const frames: Readonly<Record<string, Uint8Array>> = {
  'IPv4 from its own address': ethernet(a.mac, BROADCAST, udp4(a.v4)),
  'IPv6 from its own address': ethernet(a.mac, BROADCAST, udp6(a.v6)),
  'IPv6 from its link-local address': ethernet(a.mac, BROADCAST, udp6(a.linkLocal)),
  'IPv6 from a link-local address of its choice': ethernet(a.mac, BROADCAST, udp6('fe80::1234')),
  'ARP from its own address': ethernet(a.mac, BROADCAST, arp(a.mac, a.v4)),
  'ARP probe': ethernet(a.mac, BROADCAST, arp(a.mac, '0.0.0.0')),
  'DHCP request without an address': ethernet(a.mac, BROADCAST, dhcp('0.0.0.0', { from: 68, to: 67 })),
  'duplicate address detection': ethernet(a.mac, BROADCAST, icmpv6('::', 135)),
  'router solicitation': ethernet(a.mac, BROADCAST, icmpv6('::', 133)),
  'multicast report': ethernet(a.mac, BROADCAST, icmpv6('::', 143, { hopByHop: true })),
  'another MAC': ethernet(OTHER_MAC, BROADCAST, udp4(a.v4)),
  'the MAC of another guest': ethernet(b.mac, BROADCAST, udp4(a.v4)),
  'the IPv4 address of another guest': ethernet(a.mac, BROADCAST, udp4(b.v4)),
  'the IPv6 address of another guest': ethernet(a.mac, BROADCAST, udp6(b.v6)),
  'the link-local address of another guest': ethernet(a.mac, BROADCAST, udp6(b.linkLocal)),
  'the IPv4 address of nobody': ethernet(a.mac, BROADCAST, udp4('192.0.2.77')),
  'the IPv6 address of nobody': ethernet(a.mac, BROADCAST, udp6('fd00:10:244:1::77')),
  'no IPv4 address, but for DHCP': ethernet(a.mac, BROADCAST, udp4('0.0.0.0')),
  'no IPv6 address, but for its beginnings': ethernet(a.mac, BROADCAST, udp6('::')),
  'ARP for the address of another': ethernet(a.mac, BROADCAST, arp(a.mac, b.v4)),
  'ARP with the MAC of another': ethernet(a.mac, BROADCAST, arp(b.mac, a.v4)),
  'DHCP answer': ethernet(a.mac, BROADCAST, dhcp(a.v4, { from: 67, to: 68 })),
  'DHCPv6 answer': ethernet(a.mac, BROADCAST, udp6(a.linkLocal, { from: 547, to: 546 })),
  'router advertisement': ethernet(a.mac, BROADCAST, icmpv6(a.linkLocal, 134)),
  'router advertisement behind an extension header': ethernet(
    a.mac,
    BROADCAST,
    icmpv6(a.linkLocal, 134, { hopByHop: true }),
  ),
  'IPv6 redirect': ethernet(a.mac, BROADCAST, icmpv6(a.linkLocal, 137)),
  'tagged with a VLAN': ethernet(a.mac, BROADCAST, vlan(udp4(a.v4))),
  'of another protocol': ethernet(a.mac, BROADCAST, { etherType: 0x88cc, payload: new Uint8Array(46) }),
};

/** Sends each frame and after it one that always passes: what is not here when that one is will not come. */
async function passed(): Promise<readonly string[]> {
  const wire = await openPacketSocket({ interface: a.name, etherType: ETH_P_ALL });
  const node = await openPacketSocket({ interface: 'postern0', etherType: ETH_P_ALL });
  const arrived: string[] = [];
  let news: () => void = () => {};
  node.onFrame(
    (frame) => {
      arrived.push(hex(frame));
      news();
    },
    (error) => {
      throw error;
    },
  );
  const names: string[] = [];
  let mark = 0;
  for (const [name, frame] of Object.entries(frames)) {
    arrived.length = 0;
    wire.send(frame);
    const marker = ethernet(a.mac, BROADCAST, udp4(a.v4, { from: 1, to: ++mark }));
    wire.send(marker);
    const wanted = hex(marker);
    const late = setTimeout(() => {
      throw new Error(`a frame that must pass did not, after: ${name}`);
    }, LIMIT);
    while (!arrived.includes(wanted)) {
      await new Promise<void>((resolve) => {
        news = resolve;
      });
    }
    clearTimeout(late);
    if (arrived.includes(untagged(hex(frame)))) names.push(name);
  }
  wire.close();
  node.close();
  return names;
}

function hex(frame: Uint8Array): string {
  return Buffer.from(frame).toString('hex');
}

/** The kernel takes a VLAN tag out of a frame and keeps it beside. */
function untagged(text: string): string {
  return text.slice(24, 28) === '8100' ? text.slice(0, 24) + text.slice(32) : text;
}

const atFirst = await passed();
// The agent is killed and started again: nothing may get through that did not before.
first.abort();
const second = new AbortController();
network = await startPodNetwork(options, second.signal);
const afterRestart = await passed();
const sets = async () =>
  ((await runCommand(['nft', 'list', 'table', 'bridge', 'postern-network'])).stdout.match(/"pst\w+"/g) ?? []).length;
const before = await sets();
await runCommand(['nft', 'delete', 'table', 'bridge', 'postern-network']);
const unguarded = await passed();
const third = new AbortController();
network = await startPodNetwork(options, third.signal);
second.abort();
await network.release('guest-b');
const after = await sets();
third.abort();
await cleanupPodNetwork();
const left = (await runCommand(['nft', 'list', 'ruleset'])).stdout;
process.stdout.write(
  JSON.stringify({ all: Object.keys(frames), atFirst, afterRestart, unguarded, before, after, left }),
  () => process.exit(0),
);
