/** The lab's LAN as its places see it. */
import type { World } from './world.ts';

/** The interface of every node and of the client. */
export const LINK = 'eth0';

/** The MAC of a place's interface. */
export async function macOf(world: World, place: string, link = LINK): Promise<string> {
  // Not by /sys, which shows the machine's own interfaces in every place.
  const [shown] = JSON.parse(await world.at(place, ['ip', '-json', 'link', 'show', 'dev', link])) as {
    readonly address?: string;
  }[];
  if (shown?.address === undefined) throw new Error(`${link} of ${place} has no MAC`);
  return shown.address;
}
