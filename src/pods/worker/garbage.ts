/** What the runtime keeps of a pod without use. Pure. */
import type { SandboxStatus } from '../cri/cri.ts';
import { type ContainerRun, nameOf, type PodRuntime } from '../runtime/pod-runtime.ts';

/** What the runtime has of a pod that nobody needs any more. */
export interface Garbage {
  readonly containers: readonly ContainerRun[];
  readonly sandboxes: readonly SandboxStatus[];
}

/**
 * Of each container the last run that ended is kept, for its logs and for what it left as its state; all before it go, and sandboxes
 * of earlier attempts that hold nothing that is kept.
 */
export function garbage({ sandboxes, containers }: PodRuntime): Garbage {
  const hasDead = new Set<string>();
  const kept = new Set<string>();
  const removed: ContainerRun[] = [];
  for (const run of containers) {
    const name = nameOf(run);
    const isDead = run.state === 'EXITED';
    if (isDead && hasDead.has(name)) removed.push(run);
    else kept.add(run.sandboxID);
    if (isDead) hasDead.add(name);
  }
  const old = sandboxes.slice(1).filter(({ id, state }) => state === 'NOTREADY' && !kept.has(id));
  return { containers: removed, sandboxes: old };
}
