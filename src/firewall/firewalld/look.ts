/** One look at firewalld: all that decides whether it lets something in. */
import type { View } from './admits.ts';
import type { FirewallD1 } from './firewall-d1.ts';
import { lookAtZones } from './zones.ts';

/** `guests` is the interface behind which guests are. */
export async function look(firewalld: FirewallD1, guests: string | undefined): Promise<View> {
  const [zones, strict, panic, guestZone] = await Promise.all([
    lookAtZones(firewalld),
    firewalld.isForwardingStrict(),
    firewalld.isPanicking(),
    guests === undefined ? undefined : firewalld.assignedZone(guests),
  ]);
  return { zones, strict, panic, guests: guestZone };
}
