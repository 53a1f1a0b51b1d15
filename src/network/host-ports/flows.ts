/**
 * UDP flows at host ports: connection tracking keeps sending datagrams to where the first one of a flow went. So flows end that lead
 * to a pod whose port is gone, and those that began before a port was there. TCP connections end by themselves.
 */
import type { Conntrack, Flow } from '../../netfilter/conntrack/conntrack.ts';
import type { HostPortElement, HostPorts } from './desired.ts';

/** What changed at one port. */
interface Suspect {
  readonly family: HostPortElement['family'];
  readonly port: number;
  /** `ADDRESS . PORT` that the port leads to now; none: nowhere. */
  readonly now: string | undefined;
  readonly before: string | undefined;
}

/** Returns how many flows were forgotten. Throws `ConntrackError`. */
export async function endOldFlows(conntrack: Conntrack, before: HostPorts, after: HostPorts): Promise<number> {
  let ended = 0;
  for (const suspect of suspects(before, after)) {
    const filter = { family: suspect.family, protocol: 'udp', dport: suspect.port } as const;
    const found: Flow[] = [];
    for await (const flows of conntrack.flows(filter)) found.push(...flows.filter((flow) => isOld(flow, suspect)));
    if (found.length > 0) ended += await conntrack.delete(found);
  }
  return ended;
}

function suspects(before: HostPorts, after: HostPorts): readonly Suspect[] {
  const keys = [...new Set([...before.keys(), ...after.keys()])];
  return keys.flatMap((key): Suspect[] => {
    const [old, present] = [before.get(key), after.get(key)];
    const element = present ?? old;
    const port = /(?:^|\. )udp \. (\d+)$/.exec(element?.key ?? '')?.[1];
    if (element === undefined || port === undefined || old?.value === present?.value) return [];
    return [{ family: element.family, port: Number(port), now: present?.value, before: old?.value }];
  });
}

/** A flow that is not translated at all is anybody's, and does not notice when it is forgotten. */
function isOld({ original, reply, zone }: Flow, { now, before }: Suspect): boolean {
  if (zone !== 0) return false;
  const untouched = reply.saddr === original.daddr && reply.daddr === original.saddr;
  return untouched ? now !== undefined : `${reply.saddr} . ${reply.sport}` === before;
}
