/**
 * A node's agent without its kernel: it registers its node, renews its leases, and follows through real clients all that the
 * parts of an agent follow.
 */
import { Pod } from '../../src/api/core/v1/pod.ts';
import { Service } from '../../src/api/core/v1/service.ts';
import { EndpointSlice } from '../../src/api/discovery/v1/endpointslice.ts';
import type { Endpoint } from '../../src/client/client.ts';
import { createClient } from '../../src/client/http-client.ts';
import { Informer } from '../../src/client/informer.ts';
import { Informers } from '../../src/client/informers.ts';
import type { Logger } from '../../src/host/log.ts';
import { Speaker } from '../../src/l2/speaker/speaker.ts';
import { startNode } from '../../src/node/node.ts';

export interface SimulatedAgent {
  readonly nodeName: string;
  /** Of all it follows, the first list. */
  readonly synced: Promise<void>;
}

export interface AgentOptions {
  readonly endpoint: Endpoint;
  readonly nodeName: string;
  readonly address: string;
  readonly log: Logger;
  /** Called with each Service that changes, once this agent knows. */
  readonly onService: (service: Service) => void;
}

/** Ends with the signal. */
export async function startAgent(options: AgentOptions, signal: AbortSignal): Promise<SimulatedAgent> {
  const { endpoint, nodeName, address, log, onService } = options;
  const client = createClient(endpoint);
  signal.addEventListener('abort', () => client.close(), { once: true });
  const informers = new Informers({ client, log });
  const speaker = new Speaker({
    ...{ client, informers, nodeName, log },
    heartbeatPort: undefined,
    lan: { send: () => {}, onMessage: () => {} },
  });
  informers.of(EndpointSlice);
  informers.of(Service).onChange(({ object }) => {
    if (object !== undefined) onService(object);
  });
  const ownPods = { client, log, kind: Pod, fieldSelector: `spec.nodeName=${nodeName}` };
  const own = [
    new Informer(ownPods),
    new Informer({ ...ownPods, labelSelector: 'kubevirt.io=virt-launcher' }),
  ] as const;
  await startNode({ client, nodeName, addresses: [address], log }, signal);
  speaker.start(signal);
  for (const informer of own) informer.start(signal);
  const synced = Promise.all([informers.start(signal), ...own.map((informer) => informer.synced)]).then(() => {});
  return { nodeName, synced };
}
