/** Finds what a request is about, or says why it cannot be had: in the kubelet's words. */
import type { ContainerStatus, Pod } from '../../api/core/v1/pod.ts';
import { badRequest, failure } from '../../api/status.ts';
import type { ContainerRuntime } from '../cri/cri.ts';
import type { FoundContainer, PodLookup, PodRef } from '../parts.ts';
import type { PodPath } from './request.ts';

/** The pod, when it is one of this node's. Throws an ApiError, 404. */
export function findPod(pods: PodLookup, path: PodPath): { readonly pod: Pod; readonly ref: PodRef } {
  const { namespace, name, uid } = path;
  const ref = { namespace, name, ...(uid === undefined ? {} : { uid }) };
  const pod = pods.pod(ref);
  if (pod === undefined) throw failure(404, 'NotFound', `pod ${name} is not on this node (any more)`, {});
  return { pod, ref };
}

/** The run of a container whose log is asked for. Throws an ApiError, 400. */
export async function findLog(
  pods: PodLookup,
  path: PodPath,
  container: string,
  previous: boolean,
): Promise<FoundContainer> {
  const { pod, ref } = findPod(pods, path);
  const found = await pods.container(ref, container, previous);
  // Made, and never started: there is no file yet.
  if (found !== undefined && found.state !== 'CREATED') return found;
  if (previous) {
    throw badRequest(
      `previous terminated container ${JSON.stringify(container)} in pod ${JSON.stringify(path.name)} not found`,
    );
  }
  const before = await pods.container(ref, container, true);
  if (before !== undefined) return before;
  throw badRequest(whyNoLog(statusOf(pod, container), container, path.name));
}

function whyNoLog(status: ContainerStatus | undefined, container: string, pod: string): string {
  const which = `container ${JSON.stringify(container)} in pod ${JSON.stringify(pod)}`;
  if (status === undefined) return `${which} is not available`;
  const { waiting, terminated } = status.state ?? {};
  if (terminated !== undefined) return `${which} is terminated`;
  switch (waiting?.reason) {
    case undefined:
      return `${which} is waiting to start - no logs yet`;
    case 'ErrImagePull':
      return `${which} is waiting to start: image can't be pulled`;
    case 'ImagePullBackOff':
      return `${which} is waiting to start: trying and failing to pull image`;
    default:
      return `${which} is waiting to start: ${waiting?.reason}`;
  }
}

function statusOf({ status }: Pod, name: string): ContainerStatus | undefined {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return all.find((one) => one.name === name);
}

/** A container that runs. Throws an ApiError, 404. */
export async function findRunning(pods: PodLookup, path: PodPath, container: string): Promise<FoundContainer> {
  const { ref } = findPod(pods, path);
  const found = await pods.container(ref, container);
  if (found?.state === 'RUNNING') return found;
  throw failure(404, 'NotFound', `container not found (${JSON.stringify(container)})`, {});
}

/** The runtime. Throws an ApiError, 503, while it cannot be reached. */
export function reach(runtime: ContainerRuntime | undefined, node: string): ContainerRuntime {
  if (runtime !== undefined) return runtime;
  throw failure(
    503,
    'ServiceUnavailable',
    `the container runtime of node ${JSON.stringify(node)} cannot be reached; see the condition postern.dev/ContainerRuntimeReady (kubectl describe node ${node})`,
  );
}
