/** How the API writes times. */

/** Wall-clock milliseconds as metav1.Time is written: RFC 3339 in whole seconds, UTC. */
export function printTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** Wall-clock milliseconds as metav1.MicroTime is written: RFC 3339 with six digits after the second, UTC. */
export function printMicroTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000Z`;
}
