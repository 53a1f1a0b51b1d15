/** TCP segments that belong to no connection: what connection tracking calls invalid. */
import { familyOf, ipBytes, mustParseIP } from '../../../../lib/ip.ts';
import { RawSocket } from './raw-socket.ts';

const IPPROTO_TCP = 6;
const RST = 0x04;
const HEADER = 20;

export interface Stray {
  readonly from: string;
  readonly to: string;
  readonly sport: number;
  readonly dport: number;
}

/** Sends a reset out of nowhere. */
export function sendStray({ from, to, sport, dport }: Stray): void {
  const socket = new RawSocket(
    { family: familyOf(to) ?? 'IPv4', protocol: IPPROTO_TCP, localAddress: from },
    () => {},
    () => {},
  );
  const bytes = new Uint8Array(HEADER);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, sport);
  view.setUint16(2, dport);
  view.setUint32(4, 1);
  view.setUint8(12, (HEADER / 4) << 4);
  view.setUint8(13, RST);
  view.setUint16(16, checksum([...ipBytes(mustParseIP(from)), ...ipBytes(mustParseIP(to)), 0, 6, 0, HEADER, ...bytes]));
  socket.send(to, bytes);
  socket.close();
}

/** Tells of every segment that arrives for a port, for as long as the process runs. */
export function watchStrays(family: 'IPv4' | 'IPv6', dport: number, onStray: () => void): void {
  new RawSocket(
    { family, protocol: IPPROTO_TCP },
    ({ bytes }) => {
      if (((bytes[2] ?? 0) << 8) + (bytes[3] ?? 0) === dport) onStray();
    },
    () => {},
  );
}

/** RFC 9293, section 3.1; the pseudo-headers of both families add up alike. */
function checksum(bytes: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) + (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
