/** Answering neighbour solicitations, and advertising unasked: RFC 4861 sections 7.1, 7.2.4 and 7.2.6, RFC 4862 section 5.4. */
import { forThisHost, icmpv6Filter } from '../../../host/packet-filter.ts';
import { milliseconds } from '../../../lib/duration.ts';
import { type IPAddress, ipBytes, mustParseIP, printIP } from '../../../lib/ip.ts';
import { decodeEthernet, type EthernetFrame, encodeEthernet, isUnicastMAC, sameBytes } from '../ethernet.ts';
import { type Answerer, ignore, type Protocol, type Verdict } from '../protocol.ts';
import {
  decodeAdvertisement,
  decodeSolicitation,
  encodeAdvertisement,
  encodeSolicitation,
  type HeardAdvertisement,
  isMulticast,
  NEIGHBOR_ADVERTISEMENT,
  NEIGHBOR_SOLICITATION,
  type NeighborSolicitation,
  solicitedNode,
} from './packet.ts';

const ETHERTYPE_IPV6 = 0x86dd;
const ALL_NODES = mustParseIP('ff02::1');
const NO_IP = mustParseIP('::');

export const ndp: Protocol = {
  name: 'NDP',
  family: 'IPv6',
  etherType: ETHERTYPE_IPV6,
  filter: forThisHost(icmpv6Filter([NEIGHBOR_SOLICITATION, NEIGHBOR_ADVERTISEMENT])),
  judge,
  announcement,
  // MAX_NEIGHBOR_ADVERTISEMENT, at least RETRANS_TIMER apart: RFC 4861 sections 7.2.6 and 10.
  repeat: [milliseconds(1100), milliseconds(1100)],
  question,
  group: (ip) => printIP(solicitedNode(ip)),
};

function judge(frame: Uint8Array, answerer: Answerer): Verdict {
  const ethernet = decodeEthernet(frame);
  if (ethernet?.etherType !== ETHERTYPE_IPV6) return ignore('malformed');
  const solicitation = decodeSolicitation(ethernet.payload);
  if (solicitation !== undefined) return judgeSolicitation(ethernet, solicitation, answerer);
  const advertisement = decodeAdvertisement(ethernet.payload);
  if (advertisement !== undefined) return judgeAdvertisement(ethernet, advertisement, answerer);
  return ignore('malformed');
}

function judgeSolicitation(
  { destination, source: sender }: EthernetFrame,
  { source, target, sourceLinkLayer }: NeighborSolicitation,
  answerer: Answerer,
): Verdict {
  const ours = sameBytes(destination, answerer.mac);
  if (!ours && !sameBytes(destination, multicastMAC(solicitedNode(target)))) return ignore('not-to-us');
  const asker = sourceLinkLayer ?? sender;
  if (answerer.isOwn(asker)) return ignore('own');
  if (!isUnicastMAC(asker)) return ignore('bad-sender');
  if (answerer.stance(source) !== undefined) return { act: 'claim', ip: source, mac: asker };
  const stance = answerer.stance(target);
  const probing = source.value === 0n;
  if (probing && stance === 'probes') return { act: 'claim', ip: target, mac: asker };
  if (stance !== 'answers') return ignore('not-ours');
  // A host that is still checking its own address has none to be answered at: everybody is told (section 7.2.4).
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

/** Who advertises an address of ours holds it, whether it was asked or not and whether it overrides or not. */
function judgeAdvertisement(
  { destination, source }: EthernetFrame,
  { target, targetLinkLayer }: HeardAdvertisement,
  answerer: Answerer,
): Verdict {
  const ours = sameBytes(destination, answerer.mac);
  if (!ours && !sameBytes(destination, multicastMAC(ALL_NODES))) return ignore('not-to-us');
  const holder = targetLinkLayer ?? source;
  if (answerer.isOwn(holder) || answerer.isOwn(source)) return ignore('own');
  if (!isUnicastMAC(holder)) return ignore('bad-sender');
  return answerer.stance(target) === undefined ? ignore('not-request') : { act: 'claim', ip: target, mac: holder };
}

function announcement(ip: IPAddress, mac: Uint8Array): readonly Uint8Array[] {
  const packet = encodeAdvertisement({
    source: ip,
    destination: ALL_NODES,
    target: ip,
    targetLinkLayer: mac,
    solicited: false,
    override: true,
  });
  return [toWire(multicastMAC(ALL_NODES), mac, packet)];
}

function question(target: IPAddress, mac: Uint8Array, source = NO_IP): Uint8Array {
  const destination = solicitedNode(target);
  // A probe must not say who asks: RFC 4861 section 4.3.
  const sourceLinkLayer = source.value === 0n ? undefined : mac;
  return toWire(multicastMAC(destination), mac, encodeSolicitation({ source, destination, target, sourceLinkLayer }));
}

/** The MAC of an IPv6 multicast group: 33:33 and the group's last four bytes (RFC 2464 section 7). */
function multicastMAC(group: IPAddress): Uint8Array {
  if (!isMulticast(group)) throw new Error(`${printIP(group)} is not a multicast address`);
  return Uint8Array.of(0x33, 0x33, ...ipBytes(group).subarray(12));
}

function toWire(destination: Uint8Array, source: Uint8Array, payload: Uint8Array): Uint8Array {
  return encodeEthernet({ destination, source, etherType: ETHERTYPE_IPV6, payload });
}
