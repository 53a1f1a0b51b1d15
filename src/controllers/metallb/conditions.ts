/** What the MetalLB object says of how the load balancer is. Pure. */

/** The condition types of MetalLB's operator: https://github.com/metallb/metallb-operator/blob/main/pkg/status/status.go */
const CONDITION_TYPES = ['Available', 'Upgradeable', 'Progressing', 'Degraded'] as const;
type Type = (typeof CONDITION_TYPES)[number];

/** What is known of a node's announcer: it has been heard of lately, or not, or that cannot be said yet. */
export type Life = 'fresh' | 'silent' | 'unknown';

export interface Facts {
  /** Of each node that has, or had, an announcer. */
  readonly announcers: ReadonlyMap<string, Life>;
  /** Whether we have waited as long as a first sign of life may take. */
  readonly waited: boolean;
  /** What is not used of the pools, by `namespace/name` of the pool. */
  readonly problems: ReadonlyMap<string, readonly string[]>;
}

export interface Verdict {
  readonly type: Type;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

/** Nodes and pools that are named in a message. */
const NAMED = 5;

/**
 * The operator's conditions, one of each type. It is available, and may be upgraded, when an announcer lives; degraded when
 * none does, one has fallen silent, or not all of the configuration is used; progressing while announcers may still start.
 * Unlike the operator's, it may be available and degraded at once: what works, works.
 */
export function conditionsOf(facts: Facts): readonly Verdict[] {
  const lives = [...facts.announcers.values()];
  const isAvailable = lives.includes('fresh');
  const isStarting = !isAvailable && (!facts.waited || lives.includes('unknown'));
  const troubles = isStarting
    ? configurationTroubles(facts)
    : [...announcerTroubles(facts), ...configurationTroubles(facts)];
  const degraded = troubles[0] && {
    reason: troubles[0].reason,
    message: troubles.map(({ message }) => message).join('; '),
  };
  const starting = { reason: 'AnnouncersStarting', message: 'no announcer has been heard of yet' };
  return [
    verdict('Available', isAvailable ? {} : undefined),
    verdict('Upgradeable', isAvailable ? {} : undefined),
    verdict('Progressing', isStarting ? starting : undefined),
    verdict('Degraded', degraded),
  ];
}

/** As with the operator, a condition that is not worth a word has its type as reason. */
function verdict(type: Type, why: { readonly reason?: string; readonly message?: string } | undefined): Verdict {
  return {
    type,
    status: why === undefined ? 'False' : 'True',
    reason: why?.reason ?? type,
    message: why?.message ?? '',
  };
}

interface Trouble {
  readonly reason: string;
  readonly message: string;
}

function announcerTroubles({ announcers }: Facts): readonly Trouble[] {
  const silent = [...announcers].filter(([, life]) => life === 'silent').map(([node]) => node);
  if (silent.length === announcers.size) {
    const run = 'run postern agent, or postern l2, on the nodes that are to announce';
    const gone = silent.length === 0 ? 'no node has an announcer' : `no announcer is left of ${named(silent)}`;
    return [{ reason: 'NoAnnouncer', message: `${gone}: ${run}` }];
  }
  if (silent.length === 0) return [];
  return [{ reason: 'AnnouncerSilent', message: `nothing is heard of the announcer of ${named(silent)}` }];
}

function configurationTroubles({ problems }: Facts): readonly Trouble[] {
  const told = [...problems].map(([pool, texts]) => `pool "${pool}": ${texts.join(', ')}`);
  return told.length === 0 ? [] : [{ reason: 'InvalidConfiguration', message: named(told, '; ') }];
}

function named(items: readonly string[], separator = ', '): string {
  const more = items.length > NAMED ? [`and ${items.length - NAMED} more`] : [];
  return [...items.slice(0, NAMED), ...more].join(separator);
}
