/** Registers this machine as a Node and keeps it alive there. */
import { isDeepStrictEqual } from 'node:util';
import { Node } from '../api/core/v1/node.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../api/status.ts';
import { BackOff } from '../client/back-off.ts';
import type { Client } from '../client/client.ts';
import type { Informer } from '../client/informer.ts';
import { Informers } from '../client/informers.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import { Wake } from '../host/wake.ts';
import { untilAborted } from '../lib/abort.ts';
import { type CIDR, parseCIDR, printCIDR } from '../lib/ip.ts';
import { awaitNoCopy, awaitSilence, type ClaimParts, isAnothers, isOtherBoot, NodeTakenError } from './claim.ts';
import { desiredNode, desiredStatus, type Machine, type NodeInput } from './desired.ts';
import { NodeLease } from './lease.ts';
import { readMachine } from './machine.ts';

/** Milliseconds for which a renewal of the lease is good: what the control plane waits for. A kubelet's default. */
const LEASE_DURATION = 40_000;
/** Renewals in that time. */
const RENEWALS = 4;

const OTHER_PREFIXES =
  'the node was given other prefixes for its pods, as happens when its Node is deleted: pods that run keep addresses that nobody ' +
  'sends to any more. Drain the node and start its agent again; new pods get addresses of the new prefixes then';

const COPIED =
  'another machine was started as this node, with a copy of this agent’s state directory; its agent ends now. Give the copy another name: ' +
  'there, delete the state directory, and start its agent with --node-name NAME and a new token';

export interface NodeOptions {
  readonly client: Client;
  /** Where all Nodes are followed anyway. Default: this one is followed alone. */
  readonly informers?: Informers;
  readonly nodeName: string;
  /** This node's addresses on the LAN, at most one per family, the primary family first. */
  readonly addresses: readonly string[];
  /** More labels for the Node. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Annotations of the Node that other nodes read. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** What tells this agent from others of the name: it refuses to be a node that another is. Default: that is not asked. */
  readonly agentId?: string;
  /** Called when another agent turns out to have the node, which is then left to it: nothing more is written. */
  readonly taken?: (by: NodeTakenError) => void;
  /** Milliseconds for which one sign of life is good; there are four in that time. Default: 40 s. */
  readonly leaseDuration?: number;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Default: read from the system. */
  readonly machine?: Machine;
}

export interface RegisteredNode {
  /** The Node as last seen. */
  node(): Node;
  /** Resolves with the node's prefixes of the pod network, once the control plane has given them. */
  readonly podCIDRs: Promise<readonly CIDR[]>;
}

/**
 * Creates or updates the Node, keeps its Lease, and puts the Node right again when others change what is this machine's
 * to say, until the signal is aborted. Resolves when the Node is registered; retries while the server cannot be reached.
 * Throws {@link NodeTakenError} when another agent that lives has it.
 * The Node stays when the agent ends: its silence is what tells that it is down.
 */
export async function startNode(options: NodeOptions, signal: AbortSignal): Promise<RegisteredNode> {
  const {
    client,
    nodeName,
    addresses,
    labels = {},
    annotations = {},
    leaseDuration = LEASE_DURATION,
    log,
    clock = systemClock,
  } = options;
  const machine = options.machine ?? (await readMachine());
  const input = { nodeName, addresses, labels, annotations, machine, agentId: options.agentId };
  const claim = { client, own: addresses, leaseDuration, clock, log };
  const informers = options.informers ?? new Informers({ client, log, clock });
  const informer = informers.of(Node, options.informers ? {} : { fieldSelector: `metadata.name=${nodeName}` });
  let latest = await register(client, input, { clock, log, signal, claim });
  const wake = new Wake();
  const podCIDRs = new Promise<readonly CIDR[]>((resolve) => {
    let given: string | undefined;
    informer.onChange(({ key, object }) => {
      if (key !== nodeName) return;
      if (object === undefined) wake.now();
      else latest = object;
      const cidrs = (object?.spec?.podCIDRs ?? []).map(parseCIDR).filter((cidr) => cidr !== undefined);
      if (cidrs.length > 0) resolve(cidrs);
      const now = cidrs.map(printCIDR).join(', ');
      if (now !== '' && given !== undefined && now !== given) {
        log.error({ node: nodeName, before: given, now }, OTHER_PREFIXES);
      }
      if (now !== '') given = now;
      if (isAnothers(object, options.agentId)) wake.now();
      // The control plane says that we are gone: a good moment to contradict it.
      if (object?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status !== 'True')) wake.now();
    });
  });
  void informers.start(signal);
  const { taken = () => {} } = options;
  const lease = new NodeLease({ client, duration: leaseDuration, isMarked: options.agentId !== undefined, clock });
  void keepAlive({ client, input, lease, leaseDuration, clock, log, wake, informer, claim, taken }, signal);
  return { node: () => latest, podCIDRs };
}

/** Brings the Node in line with the machine. Writes only what differs. */
async function ensureNode(client: Client, input: NodeInput, current: Node | undefined, now: number): Promise<Node> {
  const wanted = desiredNode(input, current);
  const node = await (current === undefined
    ? client.create(Node, wanted)
    : isDeepStrictEqual(wanted, current)
      ? current
      : client.update(Node, wanted));
  const status = desiredStatus(input, node.status, now);
  return isDeepStrictEqual(status, node.status) ? node : client.updateStatus(Node, { ...node, status });
}

interface Surroundings {
  readonly claim: ClaimParts;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Retries until it is done: an agent may well start before its server. */
async function register(client: Client, input: NodeInput, surroundings: Surroundings): Promise<Node> {
  const { clock, log, signal, claim } = surroundings;
  const backOff = new BackOff({ first: 100, max: 5000, jitter: 0.5 });
  for (;;) {
    try {
      const found = await find(client, input.nodeName);
      if (isAnothers(found, input.agentId)) await awaitSilence(found, claim, signal);
      else if (input.agentId !== undefined && isOtherBoot(found, input.machine.bootID)) {
        await awaitNoCopy(found, claim, signal);
      }
      return await ensureNode(client, input, found, clock.now());
    } catch (err) {
      if (signal.aborted || err instanceof NodeTakenError) throw err;
      const message = 'cannot register the node yet; retrying';
      if (backOff.failures === 0 && !isRace(err)) log.warn({ err, node: input.nodeName }, message);
      else log.debug({ err, node: input.nodeName }, message);
      await clock.sleep(backOff.next(), signal);
    }
  }
}

async function find(client: Client, name: string): Promise<Node | undefined> {
  try {
    return await client.get(Node, { name });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Somebody else wrote the Node at the same moment. */
function isRace(error: unknown): boolean {
  return isConflict(error) || isAlreadyExists(error) || isNotFound(error);
}

interface KeepAlive {
  readonly claim: ClaimParts;
  readonly taken: (by: NodeTakenError) => void;
  readonly client: Client;
  readonly input: NodeInput;
  readonly lease: NodeLease;
  readonly leaseDuration: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly wake: Wake;
  readonly informer: Informer<Node>;
}

async function keepAlive(parts: KeepAlive, signal: AbortSignal): Promise<void> {
  const { client, input, lease, leaseDuration, clock, log, wake, informer, claim, taken } = parts;
  const renewEvery = leaseDuration / RENEWALS;
  const backOff = new BackOff({ first: 200, max: renewEvery, jitter: 0.5 });
  await untilAborted(informer.synced, signal);
  while (!signal.aborted) {
    let wait = renewEvery;
    try {
      const node = informer.get(input.nodeName) ?? (await ensureNode(client, input, undefined, clock.now()));
      if (isAnothers(node, input.agentId)) await awaitSilence(node, claim, signal);
      // The lease first: a node that says it is ready while its lease says otherwise is not believed.
      const owner = { name: input.nodeName, uid: node.metadata.uid ?? '' };
      const renewal = await lease.renew(owner, signal);
      if (renewal === 'lost') throw new NodeTakenError(node, { isCopy: true, own: input.addresses });
      if (renewal === 'shared') log.error({ node: input.nodeName }, COPIED);
      await ensureNode(client, input, node, clock.now());
      backOff.reset();
    } catch (err) {
      if (signal.aborted) return;
      if (err instanceof NodeTakenError) return taken(err);
      const fields = { err, node: input.nodeName };
      if (backOff.failures === 0 && !isRace(err)) log.warn(fields, 'cannot renew the node; retrying');
      else log.debug(fields, 'still cannot renew the node');
      wait = backOff.next();
    }
    await wake.sleep(clock, wait, signal);
  }
}
