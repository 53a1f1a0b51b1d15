/** Where the frames of an interface are to be seen. Pure. */
import type { NetworkLink } from '../../host/link-watch.ts';

/** Interfaces that take all that their ports receive. A port of anything else, such as a VRF, has its frames itself. */
const TAKES_FRAMES = ['bridge', 'bond', 'team'];

/**
 * The interface to announce on where `name` is meant: the bridge or bond that it is a port of, or itself. A port of a
 * bridge sees no questions, and an answer with its MAC would teach switches and hosts what is not so.
 */
export function resolvePlace(name: string, links: ReadonlyMap<string, NetworkLink>): string {
  const byIndex = new Map([...links.values()].map((link) => [link.index, link]));
  let place = links.get(name);
  // A bond may be a port of a bridge; nothing is deeper, and the kernel allows no ring.
  for (let depth = 0; depth < 8; depth++) {
    const master = place?.master === undefined ? undefined : byIndex.get(place.master);
    if (master === undefined || !TAKES_FRAMES.includes(master.kind ?? '')) break;
    place = master;
  }
  return place?.name ?? name;
}
