/**
 * What is done when another host claims an address: RFC 5227 sections 2.1 and 2.4, in its form (b). For IPv6 the same is
 * done in the terms of RFC 4862 section 5.4. Pure: one address on one interface.
 */
import { type Duration, milliseconds, seconds } from '../../lib/duration.ts';
import type { Claimant } from './announcement.ts';

/** Probes before an address is taken (PROBE_NUM). */
export const PROBE_NUM = 3;
/** Between probes, and behind the last. RFC 5227 has 1 to 2 seconds, for wires and hosts of its time. */
export const PROBE_INTERVAL: Duration = milliseconds(100);
/** How soon a second claim makes us give an address up (DEFEND_INTERVAL), and how often we then ask for it. */
export const DEFEND_INTERVAL: Duration = seconds(10);

export type Standing =
  /** Nobody has been told: it is asked first whether anybody holds it. */
  | { readonly kind: 'probing' }
  /** Ours. `defended`: claimed by a stranger within the last DEFEND_INTERVAL, and defended once. */
  | { readonly kind: 'announced'; readonly defended: boolean }
  /** A stranger's. `seen`: it has shown itself since we last began to ask. */
  | { readonly kind: 'given-up'; readonly mac: string; readonly seen: boolean };

export type Happening =
  | { readonly kind: 'claim'; readonly mac: string; readonly by: Claimant }
  /** The first probe of a round is about to be sent. */
  | { readonly kind: 'asking' }
  /** PROBE_INTERVAL has passed since the last probe of a round. */
  | { readonly kind: 'asked' }
  /** DEFEND_INTERVAL has passed since the address was defended. */
  | { readonly kind: 'calm' };

/** What is to be done now: `take` begins to announce, `ask-later` begins a round of probes after DEFEND_INTERVAL. */
export type Reaction = 'none' | 'take' | 'defend' | 'give-up' | 'ask-later';

export interface Outcome {
  readonly standing: Standing;
  readonly reaction: Reaction;
}

export function next(standing: Standing, happening: Happening): Outcome {
  switch (happening.kind) {
    case 'claim':
      // What another node of the cluster says is the election's to judge.
      return happening.by === 'node' ? none(standing) : claimed(standing, happening.mac);
    case 'asking':
      return none(standing.kind === 'given-up' ? { ...standing, seen: false } : standing);
    case 'asked':
      return asked(standing);
    case 'calm':
      return none(standing.kind === 'announced' ? { ...standing, defended: false } : standing);
  }
}

function claimed(standing: Standing, mac: string): Outcome {
  if (standing.kind === 'given-up') return none({ ...standing, seen: true });
  if (standing.kind === 'announced' && !standing.defended) {
    return { standing: { kind: 'announced', defended: true }, reaction: 'defend' };
  }
  return { standing: { kind: 'given-up', mac, seen: true }, reaction: 'give-up' };
}

function asked(standing: Standing): Outcome {
  if (standing.kind === 'announced') return none(standing);
  if (standing.kind === 'given-up' && standing.seen) return { standing, reaction: 'ask-later' };
  return { standing: { kind: 'announced', defended: false }, reaction: 'take' };
}

const none = (standing: Standing): Outcome => ({ standing, reaction: 'none' });
