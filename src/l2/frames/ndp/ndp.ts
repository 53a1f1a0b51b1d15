/** Answering neighbour solicitations, and advertising unasked: RFC 4861 sections 7.1.1, 7.2.4 and 7.2.6. */
import { icmpv6Filter } from '../../../host/packet-filter.ts';
import { type IPAddress, ipBytes, mustParseIP, printIP } from '../../../lib/ip.ts';
import { decodeEthernet, encodeEthernet, isUnicastMAC, sameBytes } from '../ethernet.ts';
import { type Answerer, ignore, type Protocol, type Verdict } from '../protocol.ts';
import {
  decodeSolicitation,
  encodeAdvertisement,
  isMulticast,
  NEIGHBOR_SOLICITATION,
  solicitedNode,
} from './packet.ts';

const ETHERTYPE_IPV6 = 0x86dd;
const ALL_NODES = mustParseIP('ff02::1');

export const ndp: Protocol = {
  name: 'NDP',
  family: 'IPv6',
  etherType: ETHERTYPE_IPV6,
  filter: icmpv6Filter([NEIGHBOR_SOLICITATION]),
  processRequest,
  announcement,
  // MAX_NEIGHBOR_ADVERTISEMENT, at least RETRANS_TIMER apart: RFC 4861 sections 7.2.6 and 10.
  repeat: { count: 3, interval: 1100 },
  group: (ip) => printIP(solicitedNode(ip)),
};

function processRequest(frame: Uint8Array, answerer: Answerer): Verdict {
  const ethernet = decodeEthernet(frame);
  const request = ethernet?.etherType === ETHERTYPE_IPV6 ? decodeSolicitation(ethernet.payload) : undefined;
  if (ethernet === undefined || request === undefined) return ignore('malformed');
  const { target, source, sourceLinkLayer } = request;
  const ours = sameBytes(ethernet.destination, answerer.mac);
  if (!ours && !sameBytes(ethernet.destination, multicastMAC(solicitedNode(target)))) return ignore('not-to-us');
  const asker = sourceLinkLayer ?? ethernet.source;
  if (!isUnicastMAC(asker) || sameBytes(asker, answerer.mac)) return ignore('bad-sender');
  if (answerer.announces(source)) return ignore('conflict');
  if (!answerer.announces(target)) return ignore('not-ours');
  // A host that is still checking its own address has none to be answered at: everybody is told (section 7.2.4).
  const probing = source.value === 0n;
  const reply = encodeAdvertisement({
    source: target,
    destination: probing ? ALL_NODES : source,
    target,
    targetLinkLayer: answerer.mac,
    solicited: !probing,
    override: true,
  });
  return { act: 'reply', ip: target, frame: toWire(probing ? multicastMAC(ALL_NODES) : asker, answerer.mac, reply) };
}

function announcement(ip: IPAddress, mac: Uint8Array): Uint8Array {
  const packet = encodeAdvertisement({
    source: ip,
    destination: ALL_NODES,
    target: ip,
    targetLinkLayer: mac,
    solicited: false,
    override: true,
  });
  return toWire(multicastMAC(ALL_NODES), mac, packet);
}

/** The MAC of an IPv6 multicast group: 33:33 and the group's last four bytes (RFC 2464 section 7). */
function multicastMAC(group: IPAddress): Uint8Array {
  if (!isMulticast(group)) throw new Error(`${printIP(group)} is not a multicast address`);
  return Uint8Array.of(0x33, 0x33, ...ipBytes(group).subarray(12));
}

function toWire(destination: Uint8Array, source: Uint8Array, payload: Uint8Array): Uint8Array {
  return encodeEthernet({ destination, source, etherType: ETHERTYPE_IPV6, payload });
}
