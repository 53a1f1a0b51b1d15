/**
 * Which nodes have to read which objects, because of the pods that they run: what the node authorizer goes by.
 * https://kubernetes.io/docs/reference/access-authn-authz/node/
 */
import { Pod } from '../../../api/core/v1/pod.ts';
import { podReferences } from '../../../api/core/v1/pod-references.ts';
import type { Clock } from '../../../host/clock.ts';
import type { Logger } from '../../../host/log.ts';
import type { Store } from '../../../store/store.ts';
import type { Codec } from '../../storage/codec.ts';
import { follow } from '../../storage/follow.ts';
import { kindPrefix } from '../../storage/keys.ts';

/** What a node may have to read because of a pod. */
export type Referable = 'configmaps' | 'pods' | 'secrets' | 'virtualmachineinstances';

/**
 * Pods that went last, whose nodes may still ask for them and are to hear that they are gone rather than that they are none of
 * their business.
 */
const REMEMBERED = 4096;

interface Edges {
  readonly node: string;
  /** Keys of what the pod names, its own among them. */
  readonly keys: readonly string[];
}

export class NodeGraph {
  readonly #pods = new Map<string, Edges>();
  /** How many pods of a node name an object, by the object's key and the node. */
  readonly #readers = new Map<string, Map<string, number>>();
  /** Nodes of what went with a pod. */
  readonly #gone = new Map<string, string>();

  /** Reads the pods, and follows them until the signal is aborted. */
  start(parts: { store: Store; codec: Codec; clock: Clock; log: Logger }, signal: AbortSignal): Promise<void> {
    const { codec } = parts;
    const follower = {
      reset: (entries: readonly Parameters<Codec['decode']>[0][]) => {
        const found = new Set(entries.map(({ key }) => key));
        for (const key of [...this.#pods.keys()]) if (!found.has(key)) this.set(key, undefined);
        for (const entry of entries) this.set(entry.key, codec.decode(entry).object as Pod);
      },
      apply: (event: Parameters<Parameters<typeof follow>[2]['apply']>[0]) => {
        if (event.kind === 'delete') this.set(event.key, undefined);
        else this.set(event.entry.key, codec.decode(event.entry).object as Pod);
      },
    };
    return follow(parts, kindPrefix(Pod), follower, signal);
  }

  /** A pod as it is now, by a key that is its own; undefined once it is gone. */
  set(podKey: string, pod: Pod | undefined): void {
    const old = this.#pods.get(podKey);
    const next = pod && edgesOf(pod);
    if (old !== undefined && next !== undefined && sameEdges(old, next)) return;
    if (old !== undefined) this.#remove(podKey, old, pod === undefined);
    if (next !== undefined) this.#add(podKey, next);
  }

  /** Whether a pod of the node names the object, or is it. */
  mayRead(node: string, resource: Referable, namespace: string, name: string): boolean {
    const key = keyOf(resource, namespace, name);
    const readers = this.#readers.get(key);
    return readers === undefined ? this.#gone.get(key) === node : readers.has(node);
  }

  #add(podKey: string, edges: Edges): void {
    this.#pods.set(podKey, edges);
    for (const key of edges.keys) {
      const readers = this.#readers.get(key) ?? new Map<string, number>();
      this.#readers.set(key, readers.set(edges.node, (readers.get(edges.node) ?? 0) + 1));
      this.#gone.delete(key);
    }
  }

  #remove(podKey: string, { node, keys }: Edges, isGone: boolean): void {
    this.#pods.delete(podKey);
    for (const key of keys) {
      const readers = this.#readers.get(key);
      const count = (readers?.get(node) ?? 0) - 1;
      if (count > 0) readers?.set(node, count);
      else readers?.delete(node);
      if (readers?.size === 0) this.#readers.delete(key);
      // Nothing is in what is no more; what is still there and was named by the pod is not the node's to read any more.
      if (isGone && (key.startsWith('pods/') || key.startsWith('virtualmachineinstances/'))) this.#remember(key, node);
    }
  }

  #remember(key: string, node: string): void {
    this.#gone.set(key, node);
    if (this.#gone.size <= REMEMBERED) return;
    const [oldest] = this.#gone.keys();
    if (oldest !== undefined) this.#gone.delete(oldest);
  }
}

/** Undefined for a pod that has no node yet. */
function edgesOf(pod: Pod): Edges | undefined {
  const node = pod.spec?.nodeName;
  if (!node) return undefined;
  const { namespace = '', name = '', ownerReferences = [] } = pod.metadata;
  const owner = ownerReferences.find(({ kind }) => kind === 'VirtualMachineInstance');
  return {
    node,
    keys: [
      keyOf('pods', namespace, name),
      ...(owner === undefined ? [] : [keyOf('virtualmachineinstances', namespace, owner.name)]),
      ...podReferences(pod).map((ref) => keyOf(ref.kind === 'Secret' ? 'secrets' : 'configmaps', namespace, ref.name)),
    ],
  };
}

function sameEdges(a: Edges, b: Edges): boolean {
  return a.node === b.node && a.keys.length === b.keys.length && a.keys.every((key, i) => key === b.keys[i]);
}

function keyOf(resource: Referable, namespace: string, name: string): string {
  return `${resource}/${namespace}/${name}`;
}
