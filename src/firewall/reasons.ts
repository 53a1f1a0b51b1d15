/** The Events that tell of firewalls, and their words. */
import { hostPort } from '../api/addresses.ts';
import { messageOf } from '../lib/errors.ts';
import type { Admission } from './backend.ts';

/** On a Service: an annotation or a policy that cannot be followed. */
export const MISTAKE = 'FirewallMistake';
/** On a Node, and on Services: its firewall is away, or refuses to be changed. */
export const REFUSED = 'FirewallRefused';
/** On a Service: it was let in, and something of the administrator's drops it all the same. */
export const BLOCKED = 'FirewallBlocked';

/** On a Service, or on a Node for what nodes open for each other: another node tried, and could not get there. */
export const UNREACHED = 'FirewallUnreached';
/** On the same: another node got there, which it could not before. */
export const REACHED = 'FirewallReached';
/** On a Node: its firewall was not told to let by what the node carries for pods. */
export const LEFT = 'FirewallLeft';

export function leftMessage(firewall: string, node: string, why: string): string {
  return `the firewall (${firewall}) of node ${JSON.stringify(node)} may keep its pods from others: ${why}`;
}

export function refusedMessage(firewall: string, node: string, error: unknown): string {
  const why = messageOf(error);
  return `the firewall (${firewall}) of node ${JSON.stringify(node)} cannot be changed, trying again: ${why}`;
}

export function blockedMessage(admission: Admission, node: string, by: string): string {
  return `${admissionText(admission)} is exposed, and blocked on node ${JSON.stringify(node)} by ${by}`;
}

/** Such as `TCP 192.168.77.200:80`. */
export function admissionText({ protocol, address, port }: Pick<Admission, 'protocol' | 'address' | 'port'>): string {
  return `${protocol.toUpperCase()} ${hostPort(address, port)}`;
}
