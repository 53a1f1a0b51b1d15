/**
 * Who announces an address. Every node computes the same answer from the same objects, without talking to the others:
 * rendezvous hashing (Thaler and Ravishankar, 1998), so that a node that comes or goes moves only its own addresses.
 */
import { createHash } from 'node:crypto';

/** The announcer of an address among the nodes that may; undefined when none may. The order does not matter. */
export function electAnnouncer(address: string, nodes: Iterable<string>): string | undefined {
  let best: { readonly node: string; readonly score: string } | undefined;
  for (const node of nodes) {
    const score = createHash('sha256').update(`${node}\0${address}`).digest('hex');
    if (best === undefined || score > best.score) best = { node, score };
  }
  return best?.node;
}
