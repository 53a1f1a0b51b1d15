/** Events about containers that are not restarted yet. */
import type { PodEvents } from '../parts.ts';
import { mayStartAt } from './back-off.ts';
import { containersOf, endOf, latest, type PodView, restartsAfter } from './view.ts';

/** Tells once of each run after which there is a wait. `told`: the containers' runs that were told of, by name. */
export function tellBackOffs(events: PodEvents, view: PodView, told: Map<string, string>): void {
  const { name: podName, namespace, uid } = view.pod.metadata;
  for (const container of containersOf(view)) {
    const { name } = container;
    const run = latest(container);
    if (run?.state !== 'EXITED' || told.get(name) === run.id || view.busy.has(name)) continue;
    const isWaiting = mayStartAt(view.backOffs.get(name), endOf(run)) > view.now;
    if (!isWaiting || !restartsAfter(view, container, run.exitCode)) continue;
    told.set(name, run.id);
    const message = `Back-off restarting failed container ${name} in pod ${podName}_${namespace}(${uid})`;
    events.event(view.pod, 'Warning', 'BackOff', message, name);
  }
}
