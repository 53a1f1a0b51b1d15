/**
 * Makes and deletes a controller's pods, each once. What was written counts from when it was written, not from when the
 * informer tells of it; what may have been made, as the connection broke before the answer, is made again under the same name.
 */
import { Pod } from '../api/core/v1/pod.ts';
import type { PodTemplateSpec } from '../api/core/v1/pod-spec.ts';
import { type KubeObject, keyOf, keyText, parseKey } from '../api/meta/v1.ts';
import { isAlreadyExists } from '../api/status.ts';
import { type Client, TransportError } from '../client/client.ts';
import type { EventRecorder } from '../client/events.ts';
import { ignoreNotFound, isExpected } from '../client/expected.ts';
import type { Informer } from '../client/informer.ts';
import { OwnWrites } from '../client/own-writes.ts';
import type { Clock } from '../host/clock.ts';
import { seconds } from '../lib/duration.ts';
import { messageOf } from '../lib/errors.ts';
import { generatedName } from './generated-name.ts';
import { controllerUID, type Owner, ownerReference } from './ownership.ts';
import { podOf } from './pods.ts';

/** Milliseconds: less than what is written is remembered for. */
const DOUBT_AFTER = seconds(20);

export interface PodWritesOptions {
  readonly client: Client;
  readonly pods: Informer<Pod>;
  readonly events: EventRecorder;
  readonly clock: Clock;
}

/** What a controller has made and deleted, ahead of what its informer tells. */
export class PodWrites {
  readonly #options: PodWritesOptions;
  /** Grouped by the UID of whoever controls them. */
  readonly #written: OwnWrites<Pod>;
  /** UIDs of pods that we have deleted and that the informer still has. */
  readonly #deleted = new Set<string>();
  /** Keys of pods that we have made and that the informer has not told of, and since when; by the UID of their owner. */
  readonly #untold = new Map<string, Map<string, number>>();
  /** Names under which a pod may have been made, by the UID of its owner. */
  readonly #uncertain = new Map<string, string[]>();

  /** To be made before the informer is started: it adds an index and a listener. */
  constructor(options: PodWritesOptions) {
    this.#options = options;
    this.#written = new OwnWrites(options.pods, controllerUID, options.clock);
    options.pods.onChange(({ key, object, previous }) => {
      const told = object ?? previous;
      if (told === undefined) return;
      const { uid = '', deletionTimestamp } = told.metadata;
      this.#settle(controllerUID(told), key);
      if (object === undefined || deletionTimestamp !== undefined) this.#deleted.delete(uid);
    });
  }

  /** The pods that an owner controls, as we last saw or wrote them, without those that we have deleted. */
  of(ownerUID: string): readonly Pod[] {
    return this.#written.of(ownerUID).filter(({ metadata }) => !this.#deleted.has(metadata.uid ?? ''));
  }

  /**
   * Asks the server for pods that the informer should have told of long ago: were they forgotten, they would be made again.
   * To be called before {@link of} is believed. Throws what the API answers.
   */
  async verify(ownerUID: string): Promise<void> {
    const { client, clock } = this.#options;
    for (const [key, since] of [...(this.#untold.get(ownerUID) ?? [])]) {
      if (clock.steady() - since < DOUBT_AFTER) continue;
      const pod = await client.get(Pod, parseKey(key)).catch(ignoreNotFound);
      if (pod !== undefined && controllerUID(pod) === ownerUID) this.#made(pod, ownerUID);
      else this.#settle(ownerUID, key);
    }
  }

  #made(pod: Pod, ownerUID: string): void {
    this.#written.remember(pod);
    const untold = this.#untold.get(ownerUID) ?? new Map<string, number>();
    this.#untold.set(ownerUID, untold.set(keyText(keyOf(pod)), this.#options.clock.steady()));
  }

  #settle(ownerUID: string, key: string): void {
    const untold = this.#untold.get(ownerUID);
    untold?.delete(key);
    if (untold?.size === 0) this.#untold.delete(ownerUID);
  }

  /** Notes a pod that was written elsewhere. */
  remember(pod: Pod): void {
    this.#written.remember(pod);
  }

  /** Forgets an owner that is gone. */
  forget(ownerUID: string): void {
    this.#uncertain.delete(ownerUID);
    this.#untold.delete(ownerUID);
  }

  /** Makes a pod of the template, controlled by the owner, and tells of it. Throws what the API answers. */
  async create<T extends KubeObject>(owner: Owner<T>, template: PodTemplateSpec): Promise<void> {
    const { client, events } = this.#options;
    const { object } = owner;
    const { uid = '', name: prefix } = object.metadata;
    const name = this.#uncertainName(uid) ?? generatedName(`${prefix}-`);
    const draft = podOf(template, object, ownerReference(owner), name);
    try {
      const pod = await client.create(Pod, draft).catch((error) => this.#ours(error, draft, uid));
      this.#made(pod, uid);
      events.event(object, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`);
    } catch (error) {
      if (error instanceof TransportError) this.#uncertain.set(uid, [...(this.#uncertain.get(uid) ?? []), name]);
      if (!isExpected(error)) events.event(object, 'Warning', 'FailedCreate', `Error creating: ${messageOf(error)}`);
      throw error;
    }
  }

  /** A name that is to be tried again: one that no pod of the owner is known to have. */
  #uncertainName(ownerUID: string): string | undefined {
    const names = this.#uncertain.get(ownerUID);
    if (names === undefined) return undefined;
    const known = new Set(this.#written.of(ownerUID).map(({ metadata }) => metadata.name));
    let name = names.pop();
    while (name !== undefined && known.has(name)) name = names.pop();
    if (names.length === 0) this.#uncertain.delete(ownerUID);
    return name;
  }

  /** The pod of that name, where it is the owner's: an earlier request made it, whose answer was lost. */
  async #ours(error: unknown, draft: Pod, ownerUID: string): Promise<Pod> {
    if (!isAlreadyExists(error)) throw error;
    const pod = await this.#options.client.get(Pod, keyOf(draft));
    if (controllerUID(pod) !== ownerUID) throw error;
    return pod;
  }

  /** Asks a pod to end, and tells of it. Throws what the API answers. */
  async delete(owner: KubeObject, pod: Pod): Promise<void> {
    const { client, events } = this.#options;
    const { uid = '', name } = pod.metadata;
    // Before the call: the informer may hear of it sooner than we do.
    this.#deleted.add(uid);
    try {
      await client.delete(Pod, keyOf(pod), { preconditions: { uid } }).catch(ignoreNotFound);
    } catch (error) {
      this.#deleted.delete(uid);
      events.event(owner, 'Warning', 'FailedDelete', `Error deleting: ${messageOf(error)}`);
      throw error;
    }
    events.event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
  }
}
