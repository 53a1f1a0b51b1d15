/**
 * Socket filters: what the kernel throws away before it wakes us, so that a flood of frames that are not for us costs
 * next to nothing. Classic BPF, as data. https://www.kernel.org/doc/html/latest/networking/filter.html
 */

/** One classic BPF instruction: `struct sock_filter`. */
export interface BpfInstruction {
  readonly code: number;
  /** Instructions to skip when the comparison holds, and when it does not. */
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

const LD_HALF = 0x28; // BPF_LD | BPF_H | BPF_ABS
const LD_BYTE = 0x30; // BPF_LD | BPF_B | BPF_ABS
const JUMP_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const RETURN = 0x06; // BPF_RET | BPF_K
/** More than any frame: the filter passes frames whole. */
const WHOLE = 0x40000;

/** SKF_AD_OFF + SKF_AD_PKTTYPE: not a byte of the frame, but what the kernel makes of its destination. */
const PACKET_TYPE = 0xfffff004;
const PACKET_OTHERHOST = 3;

const ETHER_HEADER = 14;
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const IPPROTO_ICMP = 1;
const IPPROTO_HOPOPTS = 0;
const IPPROTO_ICMPV6 = 58;

/** Ethernet frames that hold an ARP packet with one of these operations (1 request, 2 reply). */
export function arpFilter(operations: readonly number[]): readonly BpfInstruction[] {
  return [...only(LD_HALF, 12, [0x0806]), ...only(LD_HALF, ETHER_HEADER + 6, operations), ...PASS];
}

/**
 * Ethernet frames that hold ICMPv6 of one of these types right after the IPv6 header, or of one of the types of `reports`
 * after a hop-by-hop header of 8 bytes, as multicast listeners' reports have (RFC 3810 section 5).
 */
export function icmpv6Filter(types: readonly number[], reports: readonly number[] = []): readonly BpfInstruction[] {
  const report = [
    ...only(LD_BYTE, ETHER_HEADER + 6, [IPPROTO_HOPOPTS]),
    ...only(LD_BYTE, ETHER_HEADER + IPV6_HEADER, [IPPROTO_ICMPV6]),
    ...only(LD_BYTE, ETHER_HEADER + IPV6_HEADER + 8, reports),
    ...PASS,
  ];
  return [
    ...only(LD_HALF, 12, [0x86dd]),
    { code: LD_BYTE, jt: 0, jf: 0, k: ETHER_HEADER + 6 },
    { code: JUMP_EQUAL, jt: report.length, jf: 0, k: IPPROTO_ICMPV6 },
    ...report,
    ...only(LD_BYTE, ETHER_HEADER + IPV6_HEADER, types),
    ...PASS,
  ];
}

/** Ethernet frames that hold ICMP of one of these types, in IPv4 without options. */
export function icmpFilter(types: readonly number[]): readonly BpfInstruction[] {
  return [
    ...only(LD_HALF, 12, [0x0800]),
    ...only(LD_BYTE, ETHER_HEADER, [0x45]),
    ...only(LD_BYTE, ETHER_HEADER + 9, [IPPROTO_ICMP]),
    ...only(LD_BYTE, ETHER_HEADER + IPV4_HEADER, types),
    ...PASS,
  ];
}

/**
 * The same without frames that the interface has let through although they are for another host. Those are, besides what
 * a promiscuous interface sees, the frames of VLANs that this machine has no interface for: the kernel takes their tags
 * off, so that they look like frames of the interface's own LAN.
 */
export function forThisHost(program: readonly BpfInstruction[]): readonly BpfInstruction[] {
  return [
    { code: LD_BYTE, jt: 0, jf: 0, k: PACKET_TYPE },
    { code: JUMP_EQUAL, jt: 0, jf: 1, k: PACKET_OTHERHOST },
    { code: RETURN, jt: 0, jf: 0, k: 0 },
    ...program,
  ];
}

const PASS: readonly BpfInstruction[] = [{ code: RETURN, jt: 0, jf: 0, k: WHOLE }];

/** Drops the frame unless the value at `offset` is one of `values`. */
function only(load: number, offset: number, values: readonly number[]): BpfInstruction[] {
  return [
    { code: load, jt: 0, jf: 0, k: offset },
    ...values.map((k, i) => ({ code: JUMP_EQUAL, jt: values.length - i, jf: 0, k })),
    { code: RETURN, jt: 0, jf: 0, k: 0 },
  ];
}

/** The program as an array of `struct sock_filter`, for the little-endian machines that Node.js 24 runs on. */
export function encodeFilter(program: readonly BpfInstruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [i, { code, jt, jf, k }] of program.entries()) {
    view.setUint16(i * 8, code, true);
    view.setUint8(i * 8 + 2, jt);
    view.setUint8(i * 8 + 3, jf);
    view.setUint32(i * 8 + 4, k, true);
  }
  return bytes;
}
