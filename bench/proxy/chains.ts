/**
 * The layout that ours is compared with: a chain for each Service port, with a jump by drawn number to a chain for each of its
 * endpoints, and one map that leads to the former. kube-proxy's mode nftables is laid out so. Only what every connection needs
 * is here: none of the rules for traffic policies, affinity or source ranges.
 */
import type { IPFamily } from '../../src/lib/ip.ts';
import { type Frontend, tableFamily } from '../../src/proxy/forwarding/forwarding.ts';

const TABLE = 'bench-chains';

/** A script that loads it, for `nft -f -` or libnftables. */
export function chainScript(frontends: readonly Frontend[]): string {
  return (['IPv4', 'IPv6'] as const)
    .map((family) =>
      table(
        family,
        frontends.filter((one) => one.family === family),
      ),
    )
    .join('');
}

function table(family: IPFamily, frontends: readonly Frontend[]): string {
  const [ip, address] = family === 'IPv4' ? ['ip', 'ipv4_addr'] : ['ip6', 'ipv6_addr'];
  const name = `${tableFamily(family)} ${TABLE}`;
  const dispatch = `${ip} daddr . meta l4proto . th dport vmap @service-ips`;
  const lines = [
    `table ${name} {`,
    `  map service-ips { type ${address} . inet_proto . inet_service : verdict; }`,
    '  chain mark-for-masquerade { meta mark set meta mark or 0x4000; }',
    `  chain services { ${dispatch}; }`,
    '  chain prerouting { type nat hook prerouting priority -100; jump services; }',
    '  chain output { type nat hook output priority -100; jump services; }',
    '  chain postrouting { type nat hook postrouting priority 100; meta mark and 0x4000 == 0 return; masquerade fully-random; }',
    '}',
  ];
  for (const frontend of frontends) lines.push(...service(name, ip, frontend));
  return `${lines.join('\n')}\n`;
}

function service(table: string, ip: string, { entrance, protocol, port, endpoints }: Frontend): string[] {
  if (entrance.kind !== 'address') return [];
  const key = `${entrance.ip}-${protocol}-${port}`.replaceAll(':', '.');
  const chain = `service-${key}`;
  const chainOf = (number: number) => `endpoint-${key}-${number}`;
  const choices = endpoints.map((_, number) => `${number} : goto ${chainOf(number)}`).join(', ');
  return [
    `add chain ${table} ${chain}`,
    ...endpoints.flatMap((endpoint, number) => {
      const to = endpoint.ip.includes(':') ? `[${endpoint.ip}]:${endpoint.port}` : `${endpoint.ip}:${endpoint.port}`;
      return [
        `add chain ${table} ${chainOf(number)}`,
        `add rule ${table} ${chainOf(number)} ${ip} saddr ${endpoint.ip} jump mark-for-masquerade`,
        `add rule ${table} ${chainOf(number)} meta l4proto ${protocol} dnat to ${to}`,
      ];
    }),
    `add rule ${table} ${chain} ${ip} daddr ${entrance.ip} ${protocol} dport ${port} ${ip} saddr != ${CLUSTER[ip === 'ip' ? 'IPv4' : 'IPv6']} jump mark-for-masquerade`,
    `add rule ${table} ${chain} numgen random mod ${endpoints.length} vmap { ${choices} }`,
    `add element ${table} service-ips { ${entrance.ip} . ${protocol} . ${port} : goto ${chain} }`,
  ];
}

const CLUSTER = { IPv4: '10.244.0.0/16', IPv6: 'fd00:10:244::/48' } as const;
