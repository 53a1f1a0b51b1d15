/**
 * Slots: which drawn number leads to which endpoint. An endpoint keeps its slot for as long as it can, so that a change
 * of one endpoint changes one slot, or two: the last one moves into the gap that another leaves.
 */
import { type Endpoint, endpointKey } from './forwarding.ts';

/** The wanted endpoints in slot order, each in its previous slot where that is still within their number. */
export function assignSlots(previous: readonly Endpoint[], wanted: readonly Endpoint[]): readonly Endpoint[] {
  if (previous.length === 0) return wanted;
  const left = new Map(wanted.map((endpoint) => [endpointKey(endpoint), endpoint]));
  const slots: (Endpoint | undefined)[] = wanted.map((_, slot) => {
    const before = previous[slot];
    const endpoint = before && left.get(endpointKey(before));
    if (endpoint !== undefined) left.delete(endpointKey(endpoint));
    return endpoint;
  });
  const rest = left.values();
  return slots.map((endpoint) => endpoint ?? (rest.next().value as Endpoint));
}
