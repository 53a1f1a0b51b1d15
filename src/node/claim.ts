/** Whose a node's name is, when two machines have it: whoever gives signs of life keeps it. */
import { Lease } from '../api/coordination/v1/lease.ts';
import type { Node } from '../api/core/v1/node.ts';
import { AGENT_ID } from '../api/core/v1/node-identity.ts';
import { findCondition } from '../api/meta/conditions.ts';
import { isNotFound } from '../api/status.ts';
import type { Client } from '../client/client.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import { seconds } from '../lib/duration.ts';

const NAMESPACE = 'kube-node-lease';
/** Between two looks at the other's lease. */
const INTERVAL = seconds(1);

/** Another machine that lives has the node's name. */
export class NodeTakenError extends Error {
  /** InternalIPs of the other. */
  readonly addresses: readonly string[];

  constructor({ metadata, status }: Node) {
    const addresses = (status?.addresses ?? [])
      .filter(({ type }) => type === 'InternalIP')
      .map(({ address }) => address);
    const where = addresses.length === 0 ? '' : `, at ${addresses.join(' and ')}`;
    super(`another machine is the node ${JSON.stringify(metadata.name)} and gives signs of life${where}`);
    this.name = 'NodeTakenError';
    this.addresses = addresses;
  }
}

/** Whether the Node says that it is another agent's. A Node that does not say whose it is, is nobody's. */
export function isAnothers(node: Node | undefined, agentId: string | undefined): node is Node {
  const id = node?.metadata.annotations?.[AGENT_ID];
  return agentId !== undefined && id !== undefined && id !== '' && id !== agentId;
}

export interface ClaimParts {
  readonly client: Client;
  /** Milliseconds for which a lease that does not say so itself is good. */
  readonly leaseDuration: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Waits whether the agent that a Node is another's still renews its lease, by this machine's own clock. Resolves when it has been silent for as
 * long as a renewal is good; throws {@link NodeTakenError} once it is heard of.
 */
export async function awaitSilence(node: Node, parts: ClaimParts, signal: AbortSignal): Promise<void> {
  const { client, leaseDuration, clock, log } = parts;
  const name = node.metadata.name ?? '';
  // The control plane has waited already.
  if (findCondition(node.status?.conditions, 'Ready')?.status === 'Unknown') return;
  const first = await findLease(client, name);
  const duration = (first?.spec?.leaseDurationSeconds ?? leaseDuration / 1000) * 1000;
  log.warn(
    { node: name, wait: duration / 1000 },
    'the node was another agent’s: waits, in seconds, whether that one lives',
  );
  const began = clock.steady();
  while (clock.steady() - began < duration) {
    await clock.sleep(INTERVAL, signal);
    const lease = await findLease(client, name);
    if (lease !== undefined && lease.spec?.renewTime !== first?.spec?.renewTime) throw new NodeTakenError(node);
  }
  log.warn({ node: name }, 'takes the node over: the agent that had it is silent');
}

async function findLease(client: Client, name: string): Promise<Lease | undefined> {
  try {
    return await client.get(Lease, { namespace: NAMESPACE, name });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
