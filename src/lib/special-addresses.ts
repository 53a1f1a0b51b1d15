/**
 * Addresses that mean something to every machine, and so neither a Service's nor an endpoint's. The API refuses them in
 * most fields; another API server may not, nor does any in the status of a load balancer.
 */
import { type IPAddress, lastIP, mustParseCIDR } from './ip.ts';

/** RFC 6890 and RFC 4291: the unspecified address, loopback, multicast and broadcast. Class E is in use as pods' addresses. */
const OWN_MEANING = ranges('0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/4', '255.255.255.255/32', '::/127', 'ff00::/8');
const LINK_LOCAL = ranges('169.254.0.0/16', 'fe80::/10');

/** Whether connections to the address can be a Service's: were loopback taken, programs on the node would lose theirs. */
export const canBeEntrance = (ip: IPAddress): boolean => !isWithin(ip, OWN_MEANING);

/** Whether connections can be led there: a Service could otherwise be used to reach the node's own loopback or link. */
export const canBeEndpoint = (ip: IPAddress): boolean => canBeEntrance(ip) && !isWithin(ip, LINK_LOCAL);

function ranges(...texts: readonly string[]) {
  return texts.map((text) => {
    const cidr = mustParseCIDR(text);
    return { family: cidr.base.family, first: cidr.base.value, last: lastIP(cidr).value };
  });
}

function isWithin({ family, value }: IPAddress, all: ReturnType<typeof ranges>): boolean {
  return all.some((range) => range.family === family && value >= range.first && value <= range.last);
}
