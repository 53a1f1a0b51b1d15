/**
 * A node's agent without its kernel, and without what it makes of what it learns: it registers its node, renews its leases, and
 * follows through real clients all that the parts of an agent follow.
 */
import { Lease } from '../../src/api/coordination/v1/lease.ts';
import { Node } from '../../src/api/core/v1/node.ts';
import { Pod } from '../../src/api/core/v1/pod.ts';
import { Service } from '../../src/api/core/v1/service.ts';
import { EndpointSlice } from '../../src/api/discovery/v1/endpointslice.ts';
import { ANNOUNCER_LEASE_NAMESPACE } from '../../src/api/metallb/v1beta1/announcer-lease.ts';
import { IPAddressPool } from '../../src/api/metallb/v1beta1/ipaddresspool.ts';
import { L2Advertisement } from '../../src/api/metallb/v1beta1/l2advertisement.ts';
import { MetalLB } from '../../src/api/metallb/v1beta1/metallb.ts';
import { ServiceL2Status } from '../../src/api/metallb/v1beta1/servicel2status.ts';
import type { Endpoint } from '../../src/client/client.ts';
import { createClient } from '../../src/client/http-client.ts';
import { Informer } from '../../src/client/informer.ts';
import { Informers } from '../../src/client/informers.ts';
import { systemClock } from '../../src/host/clock.ts';
import type { Logger } from '../../src/host/log.ts';
import { OwnLease } from '../../src/l2/speaker/lease.ts';
import { startNode } from '../../src/node/node.ts';

export interface SimulatedAgent {
  readonly nodeName: string;
  /** Begins to follow the cluster; resolves once it knows all that there is. */
  follow(): Promise<void>;
}

export interface AgentOptions {
  readonly endpoint: Endpoint;
  readonly nodeName: string;
  readonly address: string;
  readonly log: Logger;
  /** Called with each Service that changes, once this agent knows. */
  readonly onService: (service: Service) => void;
}

/** Makes its Node be there, and keeps it alive until the signal is aborted. */
export async function startAgent(options: AgentOptions, signal: AbortSignal): Promise<SimulatedAgent> {
  const { endpoint, nodeName, address, log, onService } = options;
  const client = createClient(endpoint);
  signal.addEventListener('abort', () => client.close(), { once: true });
  const informers = new Informers({ client, log });
  await startNode({ client, informers, nodeName, addresses: [address], log }, signal);
  informers.of(EndpointSlice);
  informers.of(Pod, { fieldSelector: `spec.nodeName=${nodeName}` });
  informers.of(IPAddressPool, { optional: true });
  informers.of(L2Advertisement, { optional: true });
  informers.of(MetalLB, { optional: true });
  informers.of(ServiceL2Status, { optional: true });
  const leases = new Informer({ client, log, kind: Lease, namespace: ANNOUNCER_LEASE_NAMESPACE });
  const announcer = new OwnLease({
    ...{ client, nodeName, log, clock: systemClock },
    facts: () => ({ node: nodeName, port: undefined, hears: [], onLan: true }),
    announcers: () => leases.list().length,
    node: () => informers.of(Node).get({ name: nodeName }),
    isAlone: () => false,
    reachable: () => {},
  });
  informers.of(Service).onChange(({ object }) => {
    if (object !== undefined) onService(object);
  });
  const follow = async () => {
    leases.start(signal);
    await Promise.all([informers.start(signal), leases.synced]);
    void announcer.run(signal);
  };
  return { nodeName, follow };
}
