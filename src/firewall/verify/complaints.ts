/** What other nodes newly say that they cannot reach of one: a reason for it to look at its own firewall again. Pure. */
import type { Node } from '../../api/core/v1/node.ts';
import type { Change } from '../../client/informer.ts';
import { type BlockedPort, parseSummary, portKey, TRIES_ANNOTATION } from './summary.ts';

/** Ports of `target` that the Node of the change now says are blocked and did not say so before. */
export function complaintsOf({ object, previous }: Change<Node>, target: string): readonly BlockedPort[] {
  const [now, before] = [object, previous].map((node) => node?.metadata.annotations?.[TRIES_ANNOTATION]);
  if (now === undefined || now === before) return [];
  const known = new Set(blockedOf(before, target).map(keyOf));
  return blockedOf(now, target).filter((one) => !known.has(keyOf(one)));
}

const blockedOf = (summary: string | undefined, target: string): readonly BlockedPort[] =>
  summary === undefined ? [] : (parseSummary(summary).get(target)?.blocked ?? []);

const keyOf = (one: BlockedPort): string => `${one.owner} ${portKey(one)}`;
