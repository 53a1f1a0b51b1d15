/** Whose traffic it is: from what a connection asked for to a Service's port. */
import type { Service } from '../../api/core/v1/service.ts';
import { type Entrance, frontendKey } from '../forwarding/forwarding.ts';
import type { TrafficReading } from './reading.ts';
import type { Owner } from './totals.ts';

/** What has to be known for that. */
export interface Ownership {
  /** `namespace/name` of the Service that has a frontend: see `frontendKey`. */
  readonly serviceOf: (frontend: string) => string | undefined;
  readonly find: (service: string) => Service | undefined;
  /** Addresses at which node ports are served. */
  readonly nodeAddresses: ReadonlySet<string>;
}

/** Undefined for what somebody else translated, and for what was a Service's until lately. */
export function ownerOf({ asked, ...reading }: TrafficReading, ownership: Ownership): Owner | undefined {
  const byAddress: Entrance = { kind: 'address', ip: asked.ip };
  const entrances: readonly Entrance[] = ownership.nodeAddresses.has(asked.ip)
    ? [byAddress, { kind: 'node-port' }]
    : [byAddress];
  for (const entrance of entrances) {
    // Whoever has a frontend has it for anyone, besides what insiders may have.
    const frontend = { ...reading, audience: 'anyone', entrance, port: asked.port } as const;
    const service = ownership.serviceOf(frontendKey(frontend));
    if (service !== undefined) return portOf(service, ownership.find(service), entrance, reading.protocol, asked.port);
  }
  return undefined;
}

function portOf(
  service: string,
  object: Service | undefined,
  entrance: Entrance,
  protocol: string,
  asked: number,
): Owner | undefined {
  const port = object?.spec?.ports?.find(
    (one) =>
      (one.protocol ?? 'TCP').toLowerCase() === protocol &&
      (entrance.kind === 'address' ? one.port : one.nodePort) === asked,
  );
  return port && { service, port: port.port, portName: port.name ?? '' };
}
