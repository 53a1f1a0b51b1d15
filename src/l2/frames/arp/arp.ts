/** Answering who-has questions, and saying unasked who has an address: RFC 826 and RFC 5227. */
import { arpFilter } from '../../../host/packet-filter.ts';
import type { IPAddress } from '../../../lib/ip.ts';
import { BROADCAST, decodeEthernet, encodeEthernet, isUnicastMAC, sameBytes } from '../ethernet.ts';
import { type Answerer, ignore, type Protocol, type Verdict } from '../protocol.ts';
import { ARP_REPLY, ARP_REQUEST, decodeArp, encodeArp } from './packet.ts';

const ETHERTYPE_ARP = 0x0806;
const NO_MAC = new Uint8Array(6);

export const arp: Protocol = {
  name: 'ARP',
  family: 'IPv4',
  etherType: ETHERTYPE_ARP,
  filter: arpFilter([ARP_REQUEST]),
  processRequest,
  announcement,
  // Twice, two seconds apart, is what RFC 5227 section 2.3 asks for; switches and hosts that missed both would send
  // a Service's traffic to the wrong node until their entry ages, so we say it a few times more, and sooner.
  repeat: { count: 5, interval: 1100 },
  group: () => undefined,
};

function processRequest(frame: Uint8Array, answerer: Answerer): Verdict {
  const ethernet = decodeEthernet(frame);
  const packet = ethernet?.etherType === ETHERTYPE_ARP ? decodeArp(ethernet.payload) : undefined;
  if (ethernet === undefined || packet === undefined) return ignore('malformed');
  const { destination } = ethernet;
  if (!sameBytes(destination, BROADCAST) && !sameBytes(destination, answerer.mac)) return ignore('not-to-us');
  if (packet.operation !== ARP_REQUEST) return ignore('not-request');
  const { senderMAC, senderIP, targetIP } = packet;
  if (!isUnicastMAC(senderMAC) || sameBytes(senderMAC, answerer.mac)) return ignore('bad-sender');
  if (answerer.announces(senderIP)) return ignore('conflict');
  if (senderIP.value === targetIP.value) return ignore('gratuitous');
  if (!answerer.announces(targetIP)) return ignore('not-ours');
  const reply = encodeArp({
    operation: ARP_REPLY,
    senderMAC: answerer.mac,
    senderIP: targetIP,
    targetMAC: senderMAC,
    targetIP: senderIP,
  });
  return { act: 'reply', ip: targetIP, frame: toWire(senderMAC, answerer.mac, reply) };
}

/** An ARP Announcement: a request in which sender and target are both the address (RFC 5227 section 2.3). */
function announcement(ip: IPAddress, mac: Uint8Array): Uint8Array {
  const packet = { operation: ARP_REQUEST, senderMAC: mac, senderIP: ip, targetMAC: NO_MAC, targetIP: ip };
  return toWire(BROADCAST, mac, encodeArp(packet));
}

function toWire(destination: Uint8Array, source: Uint8Array, payload: Uint8Array): Uint8Array {
  return encodeEthernet({ destination, source, etherType: ETHERTYPE_ARP, payload });
}
