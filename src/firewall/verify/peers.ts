/** The nodes that try each other's ports, as the API has them: ready ones whose agents look after a firewall and say that they try. */
import type { Node } from '../../api/core/v1/node.ts';
import { conditionStatus } from '../../api/print.ts';
import { printIP } from '../../lib/ip.ts';
import { nodeAddresses } from '../exposure/cluster.ts';
import { type Lot, lotOf, mixed } from './lots.ts';
import { TRIES_ANNOTATION } from './summary.ts';

export interface Peer {
  readonly name: string;
  /** On the LAN, canonical. */
  readonly addresses: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly lot: Lot;
}

export function saysThatItTries({ metadata }: Node): boolean {
  return metadata.annotations?.[TRIES_ANNOTATION] !== undefined;
}

/** Undefined for a node that neither tries nor is tried. */
export function peerOf(node: Node): Peer | undefined {
  const { name = '', labels = {}, deletionTimestamp } = node.metadata;
  if (!saysThatItTries(node) || deletionTimestamp !== undefined) return undefined;
  if (conditionStatus(node.status?.conditions, 'Ready') !== 'True') return undefined;
  const addresses = nodeAddresses(node).map(printIP);
  return addresses.length === 0 ? undefined : { name, addresses, labels, lot: lotOf(name) };
}

/**
 * Who tries what an owner exposes on a node: one of the others, the same at whichever node it is worked out, and another only where
 * that one goes or a new one comes before it. Undefined: there is no other.
 */
export function trierOf(target: Pick<Peer, 'name' | 'lot'>, owner: Lot, peers: readonly Peer[]): Peer | undefined {
  let [best, most]: [Peer | undefined, number] = [undefined, -1];
  const subject = mixed(target.lot, owner);
  for (const peer of peers) {
    if (peer.name === target.name) continue;
    const drawn = mixed(peer.lot, subject) >>> 0;
    if (drawn > most || (drawn === most && best !== undefined && peer.name < best.name)) [best, most] = [peer, drawn];
  }
  return best;
}
