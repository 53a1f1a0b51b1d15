/** Ages as kubectl prints them. Follows HumanDuration of k8s.io/apimachinery/pkg/util/duration. */

import type { Column } from './kind.ts';
import type { KubeObject } from './meta/v1.ts';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/** `45s`, `3m10s`, `12m`, `5h2m`, `20h`, `3d4h`, `40d`, `2y30d`. The argument is in milliseconds. */
export function printAge(ms: number): string {
  const s = Math.trunc(ms / 1000);
  if (s < -1) return '<invalid>';
  if (s < 2 * MINUTE) return `${Math.max(s, 0)}s`;
  if (s < 10 * MINUTE) return pair(s, MINUTE, 'm', 1, 's');
  if (s < 3 * HOUR) return `${Math.floor(s / MINUTE)}m`;
  if (s < 8 * HOUR) return pair(s, HOUR, 'h', MINUTE, 'm');
  if (s < 2 * DAY) return `${Math.floor(s / HOUR)}h`;
  if (s < 8 * DAY) return pair(s, DAY, 'd', HOUR, 'h');
  if (s < 2 * YEAR) return `${Math.floor(s / DAY)}d`;
  return s < 8 * YEAR ? pair(s, YEAR, 'y', DAY, 'd') : `${Math.floor(s / YEAR)}y`;
}

/** The time since an RFC 3339 timestamp; `<unknown>` without one. `now` is wall-clock milliseconds. */
export function printAgeSince(timestamp: string | undefined, now: number): string {
  const then = timestamp === undefined ? Number.NaN : Date.parse(timestamp);
  return Number.isNaN(then) ? '<unknown>' : printAge(now - then);
}

/** The AGE column. Kinds that show it elsewhere than last list it among their own columns. */
export const ageColumn: Column<KubeObject> = {
  name: 'Age',
  type: 'string',
  description: 'Time since the object was created.',
  value: ({ metadata }, now) => printAgeSince(metadata.creationTimestamp, now),
  path: '.metadata.creationTimestamp',
};

function pair(s: number, big: number, bigName: string, small: number, smallName: string): string {
  const rest = Math.floor((s % big) / small);
  return `${Math.floor(s / big)}${bigName}${rest === 0 ? '' : `${rest}${smallName}`}`;
}
