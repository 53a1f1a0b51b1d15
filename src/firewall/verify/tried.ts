/** What other nodes found out about the ports of one, from what they say in the API. Pure. */
import type { Node } from '../../api/core/v1/node.ts';
import type { Opening } from '../backend.ts';
import { lotOf } from './lots.ts';
import { peerOf, trierOf } from './peers.ts';
import { parseSummary, portKey, type TargetSummary, TRIES_ANNOTATION } from './summary.ts';

/** `at`: in milliseconds since 1970. `not`: it was not tried, or it cannot be told; never over UDP. */
export type Tried =
  | { readonly kind: 'reached'; readonly by: string; readonly at: number }
  | { readonly kind: 'blocked'; readonly by: string; readonly at: number; readonly why: string }
  | { readonly kind: 'not' };

/** Of ports of a node. */
export function triedBy(nodes: readonly Node[], nodeName: string): (opening: Opening) => Tried {
  const peers = nodes.flatMap((node) => peerOf(node) ?? []);
  const target = peers.find(({ name }) => name === nodeName);
  const said = new Map(
    nodes.flatMap(({ metadata: { name = '', annotations } }): (readonly [string, TargetSummary])[] => {
      const summary = parseSummary(annotations?.[TRIES_ANNOTATION] ?? '').get(nodeName);
      return summary === undefined ? [] : [[name, summary]];
    }),
  );
  return ({ protocol, owner, address, port }) => {
    const by = target && trierOf(target, lotOf(owner), peers)?.name;
    const summary = by === undefined ? undefined : said.get(by);
    if (by === undefined || summary === undefined || protocol !== 'tcp') return { kind: 'not' };
    const isOwn = target?.addresses.includes(address);
    if (!summary.ports.includes(isOwn ? port : portKey({ address, port }))) return { kind: 'not' };
    const { at, blocked } = summary;
    const found = blocked.find((one) => one.owner === owner && one.address === address && one.port === port);
    return found === undefined ? { kind: 'reached', by, at } : { kind: 'blocked', by, at, why: found.why };
  };
}
