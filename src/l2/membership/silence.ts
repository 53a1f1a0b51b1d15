/** Why a node holds back although its API objects would let it announce. Pure. */
import { milliseconds, seconds } from '../../lib/duration.ts';
import type { Peer } from './peer.ts';

/** How long a node that has just started waits for what the others have to say. */
export const START_WAIT = seconds(1);
/** How long a node may hear nobody and be without the API. */
const CUT_OFF_AFTER = milliseconds(1500);

export interface Situation {
  readonly leaving: boolean;
  /** Another part of the program's reason. */
  readonly withheld: string | undefined;
  /** The end of the wait after the start; undefined: it cannot begin, as the other nodes are not known. */
  readonly waitsUntil: number | undefined;
  /** The nodes that it waits for; undefined: every one that is expected to be heard. */
  readonly waitsFor: ReadonlySet<string> | undefined;
  readonly beats: boolean;
  /** {@link deafTo} this node. */
  readonly deaf: readonly Peer[];
  readonly apiReachable: boolean;
}

export function whySilent(self: Situation, peers: readonly Peer[], now: number): string | undefined {
  if (self.leaving) return 'it is about to stop';
  if (self.withheld !== undefined) return self.withheld;
  if (self.waitsUntil === undefined) return 'it has just started and does not know the other nodes yet';
  if (!self.beats) return undefined;
  return whyWaits(self, peers, now) ?? whyMute(self.deaf) ?? whyCutOff(self, peers, now);
}

/** The others may have announced for long: what they see counts first. */
function whyWaits({ waitsUntil = 0, waitsFor }: Situation, peers: readonly Peer[], now: number): string | undefined {
  const missing = peers.filter((peer) => isExpected(peer) && (waitsFor?.has(peer.facts.name) ?? true));
  if (missing.length === 0 || now >= waitsUntil) return undefined;
  return `it has just started${waitsFor === undefined ? '' : ' to run again'} and waits for ${names(missing)}`;
}

/** Every node is expected to be heard, but for those whose lease says that they send no heartbeats. */
function isExpected({ sign, facts, lease }: Peer): boolean {
  if (sign !== undefined) return false;
  return facts.port !== undefined || lease !== 'fresh';
}

/**
 * The nodes on the LAN whose heartbeats arrive, when none of them has ours. One that has just come back has had no time to hear us: a process that
 * stood still first reads what was sent to it long ago.
 */
export function deafTo(peers: readonly Peer[], timeout: (peer: Peer) => number, now: number): readonly Peer[] {
  if (peers.some(({ heardAt }) => heardAt !== undefined)) return [];
  return peers.filter(
    (peer) =>
      peer.facts.onLan &&
      peer.arrived !== undefined &&
      now - peer.arrived.at < timeout(peer) &&
      now - peer.arrivesSince >= timeout(peer),
  );
}

function whyMute(deaf: readonly Peer[]): string | undefined {
  return deaf.length === 0 ? undefined : `heartbeats of ${names(deaf)} arrive, but none of ours get there`;
}

/**
 * Without the API nobody can say whether the others have failed or this node has. A node that left in good order, or whose
 * lease ran out while the API was there, is known to be gone.
 */
function whyCutOff({ apiReachable }: Situation, peers: readonly Peer[], now: number): string | undefined {
  if (apiReachable || peers.some(({ heardAt }) => heardAt !== undefined)) return undefined;
  const missing = peers.filter(
    ({ state, lostAt, lease }) => state === 'lost' && lostAt !== undefined && lease === 'fresh',
  );
  const since = Math.max(...missing.map(({ lostAt = now }) => lostAt));
  if (missing.length === 0 || now - since < CUT_OFF_AFTER) return undefined;
  return `it can reach neither the API nor ${names(missing)}`;
}

function names(peers: readonly Peer[]): string {
  const sorted = peers.map(({ facts }) => facts.name).sort();
  return sorted.length <= 5 ? sorted.join(', ') : `${sorted.slice(0, 5).join(', ')} and ${sorted.length - 5} others`;
}
