/** Durations, always in milliseconds, named by the unit a reader thinks in. */

/** A length of time in milliseconds. */
export type Duration = number & { readonly __unit: 'ms' };

export const milliseconds = (count: number): Duration => count as Duration;
export const seconds = (count: number): Duration => (count * 1000) as Duration;
export const minutes = (count: number): Duration => (count * 60_000) as Duration;
export const hours = (count: number): Duration => (count * 3_600_000) as Duration;

/** For people: `850ms`, `4.2s`, `3m10s`, `5h2m`, `12d`, as kubectl prints ages. */
export function printDuration(duration: number): string {
  if (duration < 1000) return `${Math.round(duration)}ms`;
  const s = duration / 1000;
  if (s < 10) return `${Number(s.toFixed(1))}s`;
  if (s < 120) return `${Math.floor(s)}s`;
  const m = Math.floor(s / 60);
  if (m < 10) return s % 60 >= 1 ? `${m}m${Math.floor(s % 60)}s` : `${m}m`;
  if (m < 180) return `${m}m`;
  const h = Math.floor(m / 60);
  if (h < 8) return m % 60 > 0 ? `${h}h${m % 60}m` : `${h}h`;
  if (h < 48) return `${h}h`;
  return `${Math.floor(h / 24)}d`;
}
