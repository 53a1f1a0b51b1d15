/** Which of a Service's load balancer addresses another host holds, as announcers have told in Events. Pure. */
import type { Event } from '../../api/core/v1/event.ts';
import type { Service } from '../../api/core/v1/service.ts';
import { ADDRESS_CONFLICT, ADDRESS_CONFLICT_OVER } from '../../api/metallb/v1beta1/names.ts';
import { parseIP, printIP } from '../../lib/ip.ts';
import { currentAddresses } from '../loadbalancer/request.ts';
import type { Finding } from './finding.ts';

/** `events` are those of the Service, others among them or not. What was told last of an address counts. */
export function whyHeld(service: Service, events: readonly Event[]): readonly Finding[] {
  const told = events
    .filter(({ reason }) => reason === ADDRESS_CONFLICT || reason === ADDRESS_CONFLICT_OVER)
    .sort((a, b) => ((a.lastTimestamp ?? '') < (b.lastTimestamp ?? '') ? -1 : 1));
  return currentAddresses(service).flatMap((ip): Finding[] => {
    const last = told.findLast((event) => addressOf(event) === printIP(ip));
    if (last === undefined || last.reason === ADDRESS_CONFLICT_OVER) return [];
    return [{ kind: 'address-held', message: `since ${last.lastTimestamp}, ${last.message}` }];
  });
}

/** The messages of both reasons begin with the address. */
function addressOf({ message = '' }: Event): string | undefined {
  const ip = parseIP(message.split(' ', 1)[0] ?? '');
  return ip && printIP(ip);
}
