/** What is known of this node's pods, for those who serve logs and streams. */
import type { Pod } from '../api/core/v1/pod.ts';
import type { Informer } from '../client/informer.ts';
import type { ContainerRuntime } from './cri/cri.ts';
import type { FoundContainer, PodLookup, PodRef } from './parts.ts';
import { type ContainerRun, presentSandbox, restartCountOf, runsOf } from './runtime/pod-runtime.ts';
import type { RuntimeCache } from './runtime/runtime-cache.ts';

export interface LookupOptions {
  readonly pods: Informer<Pod>;
  readonly cache: RuntimeCache;
  /** Undefined while there is none. */
  readonly runtime: () => ContainerRuntime | undefined;
}

/** Looks in what the API and the runtime have told. */
export function podLookup({ pods, cache, runtime }: LookupOptions): PodLookup {
  const find = ({ namespace, name, uid }: PodRef): Pod | undefined => {
    const pod = pods.get({ namespace, name });
    return uid === undefined || pod?.metadata.uid === uid ? pod : undefined;
  };
  const stateOf = async (ref: PodRef) => {
    const pod = find(ref);
    const present = runtime();
    const { uid } = pod?.metadata ?? {};
    if (pod === undefined || uid === undefined || present === undefined) return undefined;
    return { pod, state: await cache.read(present, uid) };
  };
  return {
    pod: find,
    container: async (ref, name, previous = false) => {
      const found = await stateOf(ref);
      if (found === undefined) return undefined;
      const runs = runsOf(found.state, name);
      return describe(previous ? previousOf(found.pod, name, runs) : runs[0]);
    },
    sandbox: async (ref) => {
      const found = await stateOf(ref);
      const sandbox = found && presentSandbox(found.state);
      return sandbox && { id: sandbox.id };
    },
  };
}

/** The run that the pod's status calls the last one: while a container waits for its next run, that is its latest. */
function previousOf({ status }: Pod, name: string, runs: readonly ContainerRun[]): ContainerRun | undefined {
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  const id = all.find((each) => each.name === name)?.lastState?.terminated?.containerID;
  const told = id === undefined ? undefined : runs.find((run) => id.endsWith(`://${run.id}`));
  return told ?? runs.slice(1).find(({ state }) => state === 'EXITED');
}

function describe(run: ContainerRun | undefined): FoundContainer | undefined {
  if (run === undefined) return undefined;
  return { containerID: run.id, state: run.state, restartCount: restartCountOf(run), logPath: run.logPath };
}
