/**
 * A host that asks who has addresses, by ARP or NDP, as a program at the client's place: one address after the other, at a
 * steady rate. Argument: {@link Asking}, in JSON. Prints a {@link Seen} per answer and per announcement that nobody asked for.
 */
import type { BpfInstruction } from '../../src/host/packet-filter.ts';
import { arpFilter, icmpv6Filter } from '../../src/host/packet-filter.ts';
import { openPacketSocket } from '../../src/host/packet-socket.ts';
import { arp } from '../../src/l2/frames/arp/arp.ts';
import { ARP_REPLY, ARP_REQUEST, decodeArp } from '../../src/l2/frames/arp/packet.ts';
import { decodeEthernet, type EthernetFrame, sameBytes } from '../../src/l2/frames/ethernet.ts';
import { ndp } from '../../src/l2/frames/ndp/ndp.ts';
import { decodeAdvertisement, NEIGHBOR_ADVERTISEMENT } from '../../src/l2/frames/ndp/packet.ts';
import type { Protocol } from '../../src/l2/frames/protocol.ts';
import { type IPAddress, type IPFamily, mustParseIP, printIP } from '../../src/lib/ip.ts';
import { printMAC } from '../../src/lib/mac.ts';
import { now } from '../../test/e2e/l2/traffic.ts';

export interface Asking {
  readonly interface: string;
  /** Whose questions these are: an address of the family that is asked for. */
  readonly sender: string;
  readonly addresses: readonly string[];
  /** Milliseconds between two questions. */
  readonly every: number;
}

/** `at` and `asked` are milliseconds of a clock that all processes share; `asked` is null for what nobody asked for. */
export type Seen = readonly [address: string, mac: string, at: number, asked: number | null];

/** Who says what: an address and where it is. */
interface Said {
  readonly ip: IPAddress;
  readonly mac: Uint8Array;
}

interface Family {
  readonly protocol: Protocol;
  readonly filter: readonly BpfInstruction[];
  read(frame: EthernetFrame): Said | undefined;
}

const FAMILIES: Readonly<Record<IPFamily, Family>> = {
  IPv4: {
    protocol: arp,
    filter: arpFilter([ARP_REQUEST, ARP_REPLY]),
    read({ payload }) {
      const packet = decodeArp(payload);
      return packet === undefined ? undefined : { ip: packet.senderIP, mac: packet.senderMAC };
    },
  },
  IPv6: {
    protocol: ndp,
    filter: icmpv6Filter([NEIGHBOR_ADVERTISEMENT]),
    read({ payload, source }) {
      const packet = decodeAdvertisement(payload);
      return packet === undefined ? undefined : { ip: packet.target, mac: packet.targetLinkLayer ?? source };
    },
  },
};

async function run({ interface: link, sender, addresses, every }: Asking): Promise<void> {
  const source = mustParseIP(sender);
  const { protocol, filter, read } = FAMILIES[source.family];
  const socket = await openPacketSocket({ interface: link, etherType: protocol.etherType, filter });
  const asked = new Map<string, number>();
  const heard = (frame: Uint8Array): void => {
    const at = now();
    const ethernet = decodeEthernet(frame);
    const said = ethernet === undefined ? undefined : read(ethernet);
    if (ethernet === undefined || said === undefined) return;
    const address = printIP(said.ip);
    const since = sameBytes(ethernet.destination, socket.mac) ? asked.get(address) : undefined;
    if (since !== undefined) asked.delete(address);
    console.log(JSON.stringify([address, printMAC(said.mac), at, since ?? null] satisfies Seen));
  };
  socket.onFrame(heard, (error) => {
    throw error;
  });
  const targets = addresses.map(mustParseIP);
  const started = now();
  for (let count = 0; ; count++) {
    const target = targets[count % targets.length];
    if (target === undefined) throw new Error('there is nothing to ask for');
    const question = protocol.question(target, socket.mac, source);
    asked.set(printIP(target), now());
    socket.send(question);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, started + (count + 1) * every - now())));
  }
}

await run(JSON.parse(process.argv[2] ?? '{}') as Asking);
