/** Answering who-has questions, and saying unasked who has an address: RFC 826 and RFC 5227. */
import { arpFilter, forThisHost } from '../../../host/packet-filter.ts';
import { milliseconds, seconds } from '../../../lib/duration.ts';
import { type IPAddress, mustParseIP } from '../../../lib/ip.ts';
import { BROADCAST, decodeEthernet, encodeEthernet, isUnicastMAC, sameBytes } from '../ethernet.ts';
import { type Answerer, ignore, type Protocol, type Verdict } from '../protocol.ts';
import { ARP_REPLY, ARP_REQUEST, type ArpPacket, decodeArp, encodeArp } from './packet.ts';

const ETHERTYPE_ARP = 0x0806;
const NO_MAC = new Uint8Array(6);
const NO_IP = mustParseIP('0.0.0.0');

export const arp: Protocol = {
  name: 'ARP',
  family: 'IPv4',
  etherType: ETHERTYPE_ARP,
  filter: forThisHost(arpFilter([ARP_REQUEST, ARP_REPLY])),
  judge,
  announcement,
  // Twice, two seconds apart, is what RFC 5227 section 2.3 asks for. A host or switch that missed both would send a
  // Service's traffic to the wrong node until its entry ages: so it is said more often, and again soon.
  repeat: [milliseconds(200), seconds(1), seconds(1), seconds(2)],
  question,
  group: () => undefined,
};

function judge(frame: Uint8Array, answerer: Answerer): Verdict {
  const ethernet = decodeEthernet(frame);
  const packet = ethernet?.etherType === ETHERTYPE_ARP ? decodeArp(ethernet.payload) : undefined;
  if (ethernet === undefined || packet === undefined) return ignore('malformed');
  const { destination } = ethernet;
  if (!sameBytes(destination, BROADCAST) && !sameBytes(destination, answerer.mac)) return ignore('not-to-us');
  const { operation, senderMAC, senderIP, targetIP } = packet;
  if (answerer.isOwn(senderMAC)) return ignore('own');
  if (!isUnicastMAC(senderMAC)) return ignore('bad-sender');
  const claimed = claimedBy(packet, answerer);
  if (claimed !== undefined) return { act: 'claim', ip: claimed, mac: senderMAC };
  if (operation !== ARP_REQUEST) return ignore('not-request');
  if (senderIP.value === targetIP.value) return ignore('gratuitous');
  if (answerer.stance(targetIP) !== 'answers') return ignore('not-ours');
  const reply = { operation: ARP_REPLY, senderIP: targetIP, targetMAC: senderMAC, targetIP: senderIP };
  return { act: 'reply', ip: targetIP, frame: toWire(senderMAC, answerer.mac, reply) };
}

/**
 * The address of ours that a packet claims: any packet from it does, question or answer (RFC 5227 section 2.4), and
 * while we probe for it, so does another's probe (section 2.1.1).
 */
function claimedBy({ operation, senderIP, targetIP }: ArpPacket, answerer: Answerer): IPAddress | undefined {
  if (operation !== ARP_REQUEST && operation !== ARP_REPLY) return undefined;
  if (answerer.stance(senderIP) !== undefined) return senderIP;
  const probes = operation === ARP_REQUEST && senderIP.value === 0n;
  return probes && answerer.stance(targetIP) === 'probes' ? targetIP : undefined;
}

/**
 * An ARP Announcement, which is a request in which sender and target are both the address (RFC 5227 section 2.3), and the
 * same as a reply. By RFC 826 either changes the entries of every host that has one. But hosts and firewalls that take
 * what they learn from replies alone miss the request, and those that drop replies to questions they never asked
 * (dynamic ARP inspection and the like) miss the reply. Linux counts a reply as gratuitous, and lets it replace an entry
 * that is younger than a second, only when its target MAC is the sender's, as here.
 */
function announcement(ip: IPAddress, mac: Uint8Array): readonly Uint8Array[] {
  const both = { senderIP: ip, targetIP: ip };
  return [
    toWire(BROADCAST, mac, { ...both, operation: ARP_REQUEST, targetMAC: NO_MAC }),
    toWire(BROADCAST, mac, { ...both, operation: ARP_REPLY, targetMAC: mac }),
  ];
}

function question(target: IPAddress, mac: Uint8Array, source = NO_IP): Uint8Array {
  return toWire(BROADCAST, mac, { operation: ARP_REQUEST, senderIP: source, targetMAC: NO_MAC, targetIP: target });
}

function toWire(destination: Uint8Array, source: Uint8Array, packet: Omit<ArpPacket, 'senderMAC'>): Uint8Array {
  const payload = encodeArp({ ...packet, senderMAC: source });
  return encodeEthernet({ destination, source, etherType: ETHERTYPE_ARP, payload });
}
