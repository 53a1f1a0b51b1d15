/**
 * Endpoints as numbers that fit the scratch register: the same endpoint has the same number in every frontend and after
 * every restart, so that what is remembered by it holds for long.
 */
import { SCRATCH } from '../../netfilter/model.ts';
import { type Endpoint, endpointKey } from '../forwarding/forwarding.ts';

const COUNT = SCRATCH.last - SCRATCH.first + 1;

export interface NumberedEndpoint extends Endpoint {
  readonly number: number;
}

/** The endpoints in their order, no two with the same number. None is there twice. */
export function numberEndpoints(endpoints: readonly Endpoint[]): readonly NumberedEndpoint[] {
  const numbered = endpoints.map((endpoint) => ({ ...endpoint, number: hash(endpointKey(endpoint)) }));
  const distinct = new Set(numbered.map(({ number }) => number));
  return distinct.size === numbered.length ? numbered : apart(numbered);
}

/** Where two have the same, which is rare, one takes the next: the one whose text comes later, whatever its slot. */
function apart(endpoints: readonly NumberedEndpoint[]): readonly NumberedEndpoint[] {
  const result = [...endpoints];
  const taken = new Set<number>();
  const byText = endpoints.map((endpoint, slot) => ({ endpoint, slot, text: endpointKey(endpoint) }));
  for (const { endpoint, slot } of byText.sort((a, b) => (a.text < b.text ? -1 : 1))) {
    let { number } = endpoint;
    while (taken.has(number)) number = SCRATCH.first + ((number + 1 - SCRATCH.first) % COUNT);
    taken.add(number);
    result[slot] = { ...endpoint, number };
  }
  return result;
}

/** FNV-1a, with its upper bits folded in: http://www.isthe.com/chongo/tech/comp/fnv/ */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return SCRATCH.first + (((value ^ (value >>> 29)) >>> 0) % COUNT);
}
