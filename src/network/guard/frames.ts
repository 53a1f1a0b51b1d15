/** Frames as a guest may write them, for tests. Checksums are left out: who filters does not look at them. */
import { ipBytes, mustParseIP } from '../../lib/ip.ts';
import { parseMAC } from '../../lib/mac.ts';

/** A guest, and who it is. */
export interface Sender {
  readonly name: string;
  readonly mac: string;
  readonly v4: string;
  readonly v6: string;
  readonly linkLocal: string;
}

/** What follows an Ethernet header's addresses. */
export interface Packet {
  readonly etherType: number;
  readonly payload: Uint8Array;
}

interface Ports {
  readonly from: number;
  readonly to: number;
}

const SHORTEST = 60;
const PORTS: Ports = { from: 40_000, to: 9 };

export function ethernet(from: string, to: string, { etherType, payload }: Packet): Uint8Array {
  const frame = join([parseMAC(to) ?? [], parseMAC(from) ?? [], u16(etherType), payload]);
  return frame.length >= SHORTEST ? frame : join([frame, new Uint8Array(SHORTEST - frame.length)]);
}

/** IEEE 802.1Q. */
export function vlan({ etherType, payload }: Packet): Packet {
  return { etherType: 0x8100, payload: join([u16(5), u16(etherType), payload]) };
}

/** A request for the node's address, RFC 826. */
export function arp(mac: string, address: string): Packet {
  const header = [...u16(1), ...u16(0x0800), 6, 4, ...u16(1)];
  const sender = [...(parseMAC(mac) ?? []), ...bytesOf(address)];
  return { etherType: 0x0806, payload: join([header, sender, new Uint8Array(6), bytesOf('10.244.1.1')]) };
}

export function udp4(source: string, ports = PORTS, target = '10.244.1.1'): Packet {
  const datagram = udp(ports);
  const header = [0x45, 0, ...u16(20 + datagram.length), 0, 0, 0, 0, 64, 17, 0, 0];
  return { etherType: 0x0800, payload: join([header, bytesOf(source), bytesOf(target), datagram]) };
}

export function dhcp(source: string, ports: Ports): Packet {
  return udp4(source, ports, '255.255.255.255');
}

export function udp6(source: string, ports = PORTS): Packet {
  return ipv6(source, 17, udp(ports));
}

export function icmpv6(source: string, type: number, { hopByHop = false } = {}): Packet {
  const message = join([[type, 0, 0, 0], new Uint8Array(20)]);
  // A router alert, as multicast reports have it: RFC 2711.
  return hopByHop ? ipv6(source, 0, join([[58, 0, 5, 2, 0, 0, 1, 0], message])) : ipv6(source, 58, message);
}

function ipv6(source: string, next: number, payload: Uint8Array): Packet {
  const header = [0x60, 0, 0, 0, ...u16(payload.length), next, 255];
  return { etherType: 0x86dd, payload: join([header, bytesOf(source), bytesOf('ff02::1'), payload]) };
}

function udp({ from, to }: Ports): Uint8Array {
  return join([u16(from), u16(to), u16(12), u16(0), new Uint8Array(4)]);
}

function bytesOf(address: string): Uint8Array {
  return ipBytes(mustParseIP(address));
}

function u16(value: number): readonly number[] {
  return [value >> 8, value & 0xff];
}

function join(parts: readonly ArrayLike<number>[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => Array.from(part)));
}
