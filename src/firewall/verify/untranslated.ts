/**
 * Lets connections of this node's own leave it for where they are to go, though its proxy would translate them: a table of ours comes before
 * the proxy's, and settles for those that are named that their destination stays what it is. Names go by themselves after a while.
 */
import { randomInt } from 'node:crypto';
import { NftError, type NftRunner } from '../../host/nft.ts';
import { familyOf, IP_FAMILIES, type IPFamily } from '../../lib/ip.ts';
import type { Connect, Connection } from './connect.ts';

const TRIES_TABLE = 'postern-firewall-tries';

const TABLES: Readonly<Record<IPFamily, string>> = { IPv4: `ip ${TRIES_TABLE}`, IPv6: `ip6 ${TRIES_TABLE}` };

/** Before the proxy's, which has the priority of nftables' `dstnat` (-100), in either mode. */
const PRIORITY = -110;
/** Longer than any connection is tried. */
const KEPT = '30s';
/** Ports of this end, of those that the kernel gives to whoever does not ask: IANA's dynamic ones. */
const OWN_PORTS = { first: 49_152, last: 60_998 } as const;

/** Makes the table of both families, in place of what an earlier run left. */
export async function layTriesTable(nft: NftRunner): Promise<void> {
  await nft.run(IP_FAMILIES.map((family) => `${removal(family)}${layout(family)}`).join(''));
}

/** Takes it away; nothing happens where there is none. */
export async function removeTriesTable(nft: NftRunner): Promise<void> {
  await nft.run(IP_FAMILIES.map(removal).join(''));
}

const removal = (family: IPFamily): string => `add table ${TABLES[family]}\ndelete table ${TABLES[family]}\n`;

function layout(family: IPFamily): string {
  const [ip, type] = family === 'IPv4' ? ['ip', 'ipv4_addr'] : ['ip6', 'ipv6_addr'];
  return `table ${TABLES[family]} {
    set tries { type ${type} . inet_service . inet_service; flags timeout; }
    chain output {
      type nat hook output priority ${PRIORITY};
      ${ip} daddr . tcp dport . tcp sport @tries dnat to ${ip} daddr
    }
  }\n`;
}

/** Connects likewise, and past the proxy. */
export function pastProxy(nft: NftRunner, connect: Connect): Connect {
  return async (connection: Connection) => {
    const { address, port } = connection;
    const ownPort = randomInt(OWN_PORTS.first, OWN_PORTS.last + 1);
    const key = `${address} . ${port} . ${ownPort}`;
    const script = `add element ${TABLES[familyOf(address) ?? 'IPv4']} tries { ${key} timeout ${KEPT} }\n`;
    try {
      await nft.run(script);
    } catch (error) {
      if (!(error instanceof NftError)) throw error;
      // Somebody may have taken the table away with all others.
      await layTriesTable(nft);
      await nft.run(script);
    }
    return connect({ ...connection, ownPort });
  };
}
