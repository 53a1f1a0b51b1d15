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

/** Where the leases of nodes are. */
export const NODE_LEASES = 'kube-node-lease';
/** Between two looks at the other's lease. */
const INTERVAL = seconds(1);
/** Of the time for which a renewal is good: there are four renewals in that. */
const BETWEEN_RENEWALS = 3 / 8;

/** Another machine that lives has the node's name. */
export class NodeTakenError extends Error {
  /** InternalIPs of the other, as far as they are known. */
  readonly addresses: readonly string[];
  /** Whether the other has this very agent's state: one of the two machines is a copy. */
  readonly isCopy: boolean;

  /** `own`: addresses of this machine, which the Node may have as well. */
  constructor(
    { metadata, status }: Node,
    { isCopy, own }: { readonly isCopy: boolean; readonly own: readonly string[] },
  ) {
    const addresses = (status?.addresses ?? [])
      .filter(({ type, address }) => type === 'InternalIP' && !own.includes(address))
      .map(({ address }) => address);
    const where = addresses.length === 0 ? '' : `, at ${addresses.join(' and ')}`;
    const how = isCopy ? ', with a copy of the same state directory,' : '';
    super(`another machine is the node ${JSON.stringify(metadata.name)}${how} and gives signs of life${where}`);
    this.name = 'NodeTakenError';
    this.addresses = addresses;
    this.isCopy = isCopy;
  }
}

/** Whether the Node says that it is another agent's. A Node that does not say whose it is, is nobody's. */
export function isAnothers(node: Node | undefined, agentId: string | undefined): node is Node {
  const id = node?.metadata.annotations?.[AGENT_ID];
  return agentId !== undefined && id !== undefined && id !== '' && id !== agentId;
}

export interface ClaimParts {
  readonly client: Client;
  /** InternalIPs of this machine. */
  readonly own: readonly string[];
  /** Milliseconds for which a lease that does not say so itself is good. */
  readonly leaseDuration: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Whether the Node was last written by another start of a machine: by this one before it started again, or by a copy of it. */
export function isOtherBoot(node: Node | undefined, bootID: string): node is Node {
  const known = node?.status?.nodeInfo?.bootID;
  return known !== undefined && known !== '' && known !== bootID;
}

/**
 * Waits whether the agent that a Node is another's still renews its lease, by this machine's own clock. Resolves when it has been silent for as
 * long as a renewal is good; throws {@link NodeTakenError} once it is heard of.
 */
export async function awaitSilence(node: Node, parts: ClaimParts, signal: AbortSignal): Promise<void> {
  const { log } = parts;
  const name = node.metadata.name;
  const message = 'the node was another agent’s: waits, in seconds, whether that one lives';
  const waited = await listen(node, { ...parts, message, isCopy: false, share: 1 }, signal);
  if (waited) log.warn({ node: name }, 'takes the node over: the agent that had it is silent');
}

/**
 * Waits whether a machine of which this one is a copy, or the other way round, renews the lease: a little longer than between two renewals.
 * Throws {@link NodeTakenError} once it is heard of.
 */
export async function awaitNoCopy(node: Node, parts: ClaimParts, signal: AbortSignal): Promise<void> {
  const message = 'the machine was started anew, or is a copy: waits, in seconds, whether another runs as this node';
  await listen(node, { ...parts, message, isCopy: true, share: BETWEEN_RENEWALS }, signal);
}

interface Listening extends ClaimParts {
  readonly message: string;
  readonly isCopy: boolean;
  /** For how much of the time for which a renewal is good. */
  readonly share: number;
}

/** Whether there was anything to wait for. */
async function listen(node: Node, parts: Listening, signal: AbortSignal): Promise<boolean> {
  const { client, leaseDuration, clock, log, message, isCopy, share } = parts;
  const name = node.metadata.name ?? '';
  // The control plane has waited already.
  if (findCondition(node.status?.conditions, 'Ready')?.status === 'Unknown') return false;
  const first = await findLease(client, name);
  const duration = (first?.spec?.leaseDurationSeconds ?? leaseDuration / 1000) * 1000 * share;
  log.warn({ node: name, wait: duration / 1000 }, message);
  const began = clock.steady();
  while (clock.steady() - began < duration) {
    await clock.sleep(INTERVAL, signal);
    const lease = await findLease(client, name);
    if (lease !== undefined && lease.spec?.renewTime !== first?.spec?.renewTime) {
      throw new NodeTakenError(node, { isCopy, own: isCopy ? parts.own : [] });
    }
  }
  return true;
}

/** The lease of a node; undefined when there is none. */
export async function findLease(client: Client, name: string): Promise<Lease | undefined> {
  try {
    return await client.get(Lease, { namespace: NODE_LEASES, name });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
