/** How many guests each node has, counting those whose pod has been decided on and is not yet in the informer. */

import { isPodFinal } from '../../api/core/v1/pod.status.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import { CREATED_BY_LABEL } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import type { Informer } from '../../client/informer.ts';

export class GuestCounts {
  readonly #onNode: (nodeName: string) => readonly Pod[];
  /** UID of the instance to the node it is being placed on. */
  readonly #placing = new Map<string, string>();

  /** To be made before the informer is started. */
  constructor(pods: Informer<Pod>) {
    this.#onNode = pods.index((pod) => {
      const isLauncher = pod.metadata.labels?.[CREATED_BY_LABEL] !== undefined;
      return isLauncher && pod.spec?.nodeName ? [pod.spec.nodeName] : [];
    });
    pods.onChange(({ object }) => {
      const instance = object?.metadata.labels?.[CREATED_BY_LABEL];
      if (instance !== undefined) this.#placing.delete(instance);
    });
  }

  /** Guests on a node that have not ended. */
  on(nodeName: string): number {
    const running = this.#onNode(nodeName).filter((pod) => !isPodFinal(pod)).length;
    let placing = 0;
    for (const name of this.#placing.values()) if (name === nodeName) placing++;
    return running + placing;
  }

  /** Counts an instance until its pod is seen, or {@link giveUp}. */
  place(instanceUID: string, nodeName: string): void {
    this.#placing.set(instanceUID, nodeName);
  }

  giveUp(instanceUID: string): void {
    this.#placing.delete(instanceUID);
  }
}
