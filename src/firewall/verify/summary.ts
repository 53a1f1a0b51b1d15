/**
 * What a node found out by trying others, as it says in an annotation of its own Node; and that it tries at all: only nodes that do are tried.
 * What it says of itself others only show: it decides nothing.
 */
import { hostPort } from '../../api/addresses.ts';

export const TRIES_ANNOTATION = 'postern.dev/firewall-tries';

/** A port that could not be reached, and why as far as it is known. */
export interface BlockedPort {
  /** `namespace/name` of a Service, or `cluster`. */
  readonly owner: string;
  readonly address: string;
  readonly port: number;
  readonly why: string;
}

/** Of one target. */
export interface TargetSummary {
  /**
   * Those that somebody answered at or that are blocked, without those of which it cannot be told: numbers of the target's own, and
   * {@link portKey} of those at other addresses that it answers for.
   */
  readonly ports: readonly (number | string)[];
  /** When the last was, in milliseconds since 1970. */
  readonly at: number;
  /** Some of those that could not be reached. */
  readonly blocked: readonly BlockedPort[];
}

export type Summary = ReadonlyMap<string, TargetSummary>;

/** Blocked ports that are named of one target: the first say enough. */
const NAMED = 8;
/** Targets and ports that are named, and characters of a reason: an annotation has an end. */
const [TARGETS, PORTS, REASON] = [500, 4000, 200];

export function printSummary(summary: Summary): string {
  const targets = [...summary].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, TARGETS);
  let left = PORTS;
  const each = targets.map(([name, { ports, at, blocked }]) => {
    const named = blocked.slice(0, NAMED).map((one) => ({ ...one, why: one.why.slice(0, REASON) }));
    const some = ports.slice(0, left);
    left -= some.length;
    const time = new Date(at).toISOString();
    return [name, { ports: some, at: time, ...(named.length === 0 ? {} : { blocked: named }) }] as const;
  });
  return JSON.stringify(Object.fromEntries(each));
}

/** Empty for what nobody of ours wrote. */
export function parseSummary(text: string): Summary {
  const found = new Map<string, TargetSummary>();
  for (const [name, target] of entries(parsed(text))) {
    const { ports, at, blocked } = Object.fromEntries(entries(target));
    const time = Date.parse(String(at));
    if (!Array.isArray(ports) || Number.isNaN(time)) continue;
    const numbers = ports.filter((port) => typeof port === 'number' || typeof port === 'string');
    found.set(name, {
      ports: numbers,
      at: time,
      blocked: (Array.isArray(blocked) ? blocked : []).flatMap(blockedPort),
    });
  }
  return found;
}

function blockedPort(value: unknown): readonly BlockedPort[] {
  const { owner, address, port, why } = Object.fromEntries(entries(value));
  if (typeof owner !== 'string' || typeof address !== 'string' || typeof why !== 'string') return [];
  return typeof port === 'number' ? [{ owner, address, port, why }] : [];
}

const entries = (value: unknown): readonly (readonly [string, unknown])[] =>
  typeof value === 'object' && value !== null ? Object.entries(value) : [];

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // Somebody's own note.
    throw error;
  }
}

/** One address and port of a target, as a key. */
export const portKey = ({ address, port }: { readonly address: string; readonly port: number }): string =>
  hostPort(address, port);
