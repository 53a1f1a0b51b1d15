/**
 * Which secrets sign heartbeats, and which are believed, while the secret changes: every node reads it again once a minute,
 * each at its own time, and none may stop believing another in between. Pure.
 */
import { minutes } from '../../lib/duration.ts';
import type { HeartbeatKey } from '../lan/messages.ts';

/** A new secret signs only when every node has read it; the old one is believed as long again. */
const GRACE = minutes(2);

interface Known {
  readonly secret: Uint8Array;
  /** When it became the one that is to sign, in milliseconds. */
  readonly since: number;
}

export interface Keyring {
  /** In the order in which they came; the last one is what was read last. */
  readonly signing: readonly Known[];
  /** Others that are believed: the second half of a change that somebody makes by hand. */
  readonly besides: readonly Uint8Array[];
}

export const NO_KEYS: Keyring = { signing: [], besides: [] };

/** What was read: the secret that is to sign, and others that are to be believed. */
export interface ReadSecrets {
  readonly signing: Uint8Array;
  readonly besides: readonly Uint8Array[];
}

/** The ring after the secrets have been read. `now` is milliseconds of any clock. */
export function withRead({ signing }: Keyring, read: ReadSecrets, now: number): Keyring {
  const current = signing.filter((_, i) => !isOver(signing, i, now) || i === signing.length - 1);
  const last = current.at(-1);
  if (last !== undefined && same(last.secret, read.signing)) return { signing: current, besides: read.besides };
  // The very first signs at once: nobody waits for an older one.
  const since = last === undefined ? Number.NEGATIVE_INFINITY : now;
  return { signing: [...current, { secret: read.signing, since }], besides: read.besides };
}

/** The keys of a ring: the first signs, all are believed. */
export function keysOf({ signing, besides }: Keyring, now: number): readonly HeartbeatKey[] {
  const signs = signing.findLast(({ since }) => since + GRACE <= now) ?? signing[0];
  if (signs === undefined) return [];
  const believed = signing.filter((each, i) => each !== signs && !isOver(signing, i, now)).map(({ secret }) => secret);
  const all = [signs.secret, ...believed, ...besides];
  return all.filter((secret, i) => all.findIndex((other) => same(other, secret)) === i).map((secret) => ({ secret }));
}

/** Whether every node signs with a later one by now. */
function isOver(signing: readonly Known[], i: number, now: number): boolean {
  return signing.slice(i + 1).some(({ since }) => since + 2 * GRACE <= now);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
