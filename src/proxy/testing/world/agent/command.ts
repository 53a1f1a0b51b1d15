/** What an agent can be told, and what it answers. */
import type { Question } from './questions.ts';
import type { Stray } from './stray.ts';

export type Command =
  /** The question, this many times at once: one answer each. */
  | { readonly kind: 'ask'; readonly question: Question; readonly times: number }
  /** A UDP question from this many ports, a few at a time: how many answers there were of each text. */
  | { readonly kind: 'count'; readonly question: Question; readonly times: number }
  | { readonly kind: 'open'; readonly connection: string; readonly host: string; readonly port: number }
  | { readonly kind: 'say' | 'close'; readonly connection: string }
  /** What is at a URL. */
  | { readonly kind: 'fetch'; readonly url: string }
  | { readonly kind: 'send-stray'; readonly stray: Stray }
  /** Counts the segments that arrive for a port from now on; how many there were. */
  | { readonly kind: 'watch-strays' | 'count-strays'; readonly family: 'IPv4' | 'IPv6'; readonly port: number };

/** One line that an agent writes; the command that it answers has the same `id`. */
export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string };
