/** Which containers of a pod are probed. */
import type { Prober } from '../parts.ts';
import { containersOf, type PodView } from './view.ts';

/** Probes what runs, and nothing else. What is being started or ended is left as it is. */
export function followProbes(prober: Prober, view: PodView, podIPs: readonly string[]): void {
  for (const { name, spec, runs, told } of containersOf(view)) {
    for (const run of runs) {
      if (run.state !== 'RUNNING') prober.stop(run.id);
      else if (!view.busy.has(name)) {
        const running = { pod: view.pod, container: spec, containerID: run.id, podIPs, startedAt: run.startedAt ?? 0 };
        // Of this very run, as after a restart of the agent: a pod that serves goes on serving.
        const isTold = told?.containerID?.endsWith(`://${run.id}`) === true && told.state?.running !== undefined;
        if (isTold) prober.start(running, { started: told.started ?? false, ready: told.ready ?? false });
        else prober.start(running);
      }
    }
  }
}
