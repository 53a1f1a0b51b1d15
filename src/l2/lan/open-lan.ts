/** The LAN's side with its real parts, on this machine's interfaces. */
import { systemClock } from '../../host/clock.ts';
import { readGateways } from '../../host/gateways.ts';
import { openLinkWatch } from '../../host/link-watch.ts';
import type { Logger } from '../../host/log.ts';
import { openMulticastGroups } from '../../host/multicast-groups.ts';
import { openPacketSocket } from '../../host/packet-socket.ts';
import { Announcer } from '../announcer/announcer.ts';
import { L2Stats } from '../announcer/stats.ts';
import { Heartbeats } from '../membership/heartbeats.ts';
import { Lan } from './lan.ts';
import type { FromLan } from './messages.ts';
import type { WorkerData } from './thread.ts';

export interface OpenLanOptions extends WorkerData {
  readonly tell: (message: FromLan) => void;
  readonly log: Logger;
}

/** Runs until the signal is aborted. */
export async function openLan(options: OpenLanOptions, signal: AbortSignal): Promise<Lan> {
  const { nodeName, interfaces, heartbeats, tell, log } = options;
  const clock = systemClock;
  const links = await openLinkWatch(log, signal);
  const stats = new L2Stats();
  const lan = new Lan({
    ...{ nodeName, interfaces, links, tell, clock, log },
    announcing: (events) =>
      new Announcer({
        ...{ openSocket: openPacketSocket, openGroups: openMulticastGroups, links, clock, log, stats },
        ...events,
      }),
    liveness: (events) => new Heartbeats({ ...heartbeats, nodeName, addresses: [], macs: [], clock, log, ...events }),
    counts: () => stats.counts(),
    gateways: readGateways,
  });
  lan.start(signal);
  return lan;
}
