/**
 * What sandboxes and containers are marked with at the runtime, so that they are found again after a restart of the agent: the
 * kubelet's labels and annotations, and the node that they belong to, as several nodes may share one runtime.
 */
import { createHash } from 'node:crypto';
import type { Pod } from '../api/core/v1/pod.ts';
import type { Container } from '../api/core/v1/pod-spec.ts';

export const POD_NAME = 'io.kubernetes.pod.name';
export const POD_NAMESPACE = 'io.kubernetes.pod.namespace';
export const POD_UID = 'io.kubernetes.pod.uid';
export const CONTAINER_NAME = 'io.kubernetes.container.name';
/** Name of the node whose agent made it. */
export const NODE = 'postern.dev/node';

export const CONTAINER_HASH = 'io.kubernetes.container.hash';
export const RESTART_COUNT = 'io.kubernetes.container.restartCount';
const TERMINATION_MESSAGE_PATH = 'io.kubernetes.container.terminationMessagePath';
export const TERMINATION_MESSAGE_POLICY = 'io.kubernetes.container.terminationMessagePolicy';
/** Seconds, a decimal number. */
export const GRACE_PERIOD = 'io.kubernetes.pod.terminationGracePeriod';

type Strings = Readonly<Record<string, string>>;

/** Labels of a pod's sandbox; they hold the pod's own, too, as the runtime's tools show them. */
export function sandboxLabels(pod: Pod, nodeName: string): Strings {
  return { ...pod.metadata.labels, ...identity(pod, nodeName) };
}

/** Labels of a container. */
export function containerLabels(pod: Pod, container: Container, nodeName: string): Strings {
  return { ...identity(pod, nodeName), [CONTAINER_NAME]: container.name };
}

/** Annotations of a container, from which its run can be told and ended without the pod. */
export function containerAnnotations(pod: Pod, container: Container, restartCount: number): Strings {
  return {
    [CONTAINER_HASH]: containerHash(container),
    [RESTART_COUNT]: String(restartCount),
    [TERMINATION_MESSAGE_PATH]: container.terminationMessagePath ?? '/dev/termination-log',
    [TERMINATION_MESSAGE_POLICY]: container.terminationMessagePolicy ?? 'File',
    [GRACE_PERIOD]: String(pod.spec?.terminationGracePeriodSeconds ?? 30),
  };
}

/** Changes when a running container has to be replaced: of what may be changed in a pod, that is the image alone. */
export function containerHash({ name, image = '' }: Container): string {
  return createHash('sha256')
    .update(JSON.stringify([name, image]))
    .digest('hex')
    .slice(0, 8);
}

function identity({ metadata }: Pod, nodeName: string): Strings {
  return {
    [POD_NAME]: metadata.name ?? '',
    [POD_NAMESPACE]: metadata.namespace ?? 'default',
    [POD_UID]: metadata.uid ?? '',
    [NODE]: nodeName,
  };
}
