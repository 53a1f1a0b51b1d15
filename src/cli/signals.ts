/** A signal that is aborted when the process is asked to end: SIGINT, SIGTERM or SIGHUP. */
export function endSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => controller.abort(new Error(`ended by ${name}`)));
  }
  return controller.signal;
}
