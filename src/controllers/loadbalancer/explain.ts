/** Why no pool gives a Service an address, in words for people. Pure. */
import { printIP } from '../../lib/ip.ts';
import type { AddressRequest } from './request.ts';

/** What ruled a pool out. */
export interface Refusal {
  readonly pool: string;
  readonly why: string;
}

/** The longest message that a condition takes: https://github.com/kubernetes/apimachinery/blob/v0.32.0/pkg/apis/meta/v1/types.go */
const MAX_MESSAGE = 32_768;
/** What is left of it for what is around the list. */
const MAX_LIST = MAX_MESSAGE - 1000;

/** Every pool that was considered and what ruled it out, in the order in which they were asked. */
export function explain({ pool, addresses }: AddressRequest, refusals: readonly Refusal[]): string {
  if (refusals.length === 0) {
    return 'there is no IPAddressPool: create one (metallb.io/v1beta1) with addresses of the network the nodes are on';
  }
  if (pool !== undefined && !refusals.some((refusal) => refusal.pool === pool)) {
    const names = [...new Set(refusals.map((refusal) => refusal.pool))].toSorted().join(', ');
    return `the Service asks for pool "${pool}" (annotation metallb.io/address-pool), and there is none: there are ${shortened(names)}`;
  }
  const wanted = addresses.length === 0 ? 'an address' : addresses.map(printIP).join(' and ');
  return `no pool can give ${wanted}: ${list(refusals)}`;
}

function list(refusals: readonly Refusal[]): string {
  let text = '';
  for (const [i, { pool, why }] of refusals.entries()) {
    const next = `${i === 0 ? '' : '; '}pool "${pool}": ${why}`;
    if (text.length + next.length > MAX_LIST) return `${text}; and ${refusals.length - i} more pools`;
    text += next;
  }
  return text;
}

function shortened(text: string): string {
  return text.length <= MAX_LIST ? text : `${text.slice(0, MAX_LIST)}…`;
}
