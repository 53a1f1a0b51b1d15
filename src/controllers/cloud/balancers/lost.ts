/** Services that lost their marks without us: what was made for them must not stay. */
import type { Service } from '../../../api/core/v1/service.ts';
import { markOf } from './marks.ts';

/** Kept by UID, from the news of Services, for as long as this process lives. */
export class Lost {
  readonly #lost = new Map<string, Service>();
  readonly #unmarkedByUs = new Set<string>();

  /** Says that marks of a Service are about to be taken off by us; or, after all, not. */
  unmarking({ metadata: { uid = '' } }: Service, isUnmarking: boolean): void {
    if (isUnmarking) this.#unmarkedByUs.add(uid);
    else this.#unmarkedByUs.delete(uid);
  }

  /**
   * Notes that a Service changed, or is gone. Returns its UID when its marks went with that: somebody else deleted it in spite of
   * its finalizer, or replaced it by a manifest, and nobody will ask for it again. `isOurs`: whether a provider has to do with a Service still.
   */
  note(previous: Service, object: Service | undefined, isOurs: (service: Service) => boolean): string | undefined {
    const { uid = '' } = previous.metadata;
    if (markOf(previous) === undefined) return undefined;
    const next = object?.metadata.uid === uid ? object : undefined;
    if (next !== undefined && markOf(next) !== undefined) return undefined;
    if (this.#unmarkedByUs.delete(uid)) return undefined;
    if (next !== undefined && isOurs(next)) return undefined;
    this.#lost.set(uid, previous);
    return uid;
  }

  /** As it was last seen with its marks. */
  get(uid: string): Service | undefined {
    return this.#lost.get(uid);
  }

  forget(uid: string): void {
    this.#lost.delete(uid);
  }
}
