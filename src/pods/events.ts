/** Events about pods and their containers, as the kubelet records them. */
import type { Pod } from '../api/core/v1/pod.ts';
import type { EventRecorder } from '../client/events.ts';
import type { PodEvents } from './parts.ts';

/** Events by way of a recorder. */
export function podEvents(recorder: EventRecorder): PodEvents {
  return {
    event: (pod, type, reason, message, container) =>
      recorder.event(pod, type, reason, message, container === undefined ? undefined : fieldPath(pod, container)),
  };
}

/** `spec.containers{web}`, as Kubernetes writes it. */
function fieldPath({ spec }: Pod, container: string): string {
  const isInit = spec?.initContainers?.some(({ name }) => name === container) ?? false;
  return `spec.${isInit ? 'initContainers' : 'containers'}{${container}}`;
}
