/** Pulls images: few at once, and what several pods want at the same time only once. */
import type { Clock } from '../../host/clock.ts';
import { type ContainerRuntime, CRIError, type ImageInfo, type RegistryAuth, type SandboxConfig } from '../cri/cri.ts';
import type { ImageReference } from './reference.ts';

export interface Pull {
  readonly reference: ImageReference;
  /** Tried one after the other until one is taken; none: as anybody. */
  readonly auths: readonly RegistryAuth[];
  readonly sandbox: SandboxConfig;
}

export interface PulledImage {
  readonly kind: 'pulled';
  readonly image: ImageInfo;
  /** Milliseconds of the pull itself, and with those before its turn came. */
  readonly took: number;
  readonly waited: number;
}

export type PullResult =
  | PulledImage
  | { readonly kind: 'failed'; readonly message: string }
  /** Nobody waits for it any more; what began goes on. */
  | { readonly kind: 'aborted' };

// The kubelet pulls one at a time unless it is told otherwise; containerd itself fetches three layers at once for each.
const MOST_AT_ONCE = 2;

/** Pulls images, each once at a time, for whoever waits for it. */
export class Puller {
  readonly #runtime: Pick<ContainerRuntime, 'imageStatus' | 'pullImage'>;
  readonly #clock: Clock;
  readonly #going = new Map<string, Promise<Exclude<PullResult, { kind: 'aborted' }>>>();
  readonly #turns: (() => void)[] = [];
  #running = 0;

  constructor(runtime: Pick<ContainerRuntime, 'imageStatus' | 'pullImage'>, clock: Clock) {
    this.#runtime = runtime;
    this.#clock = clock;
  }

  /** Rejects only when the runtime is lost. */
  async pull(pull: Pull, signal: AbortSignal): Promise<PullResult> {
    // With other credentials it is another pull: what one pod may have, another may not.
    const key = JSON.stringify([pull.reference.name, pull.auths]);
    let going = this.#going.get(key);
    if (going === undefined) {
      going = this.#inTurn(pull).finally(() => this.#going.delete(key));
      this.#going.set(key, going);
      going.catch(() => {}); // For when nobody waits for it any more.
    }
    const { promise: aborted, resolve } = Promise.withResolvers<PullResult>();
    const abort = (): void => resolve({ kind: 'aborted' });
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([going, aborted]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  async #inTurn(pull: Pull): Promise<Exclude<PullResult, { kind: 'aborted' }>> {
    const asked = this.#clock.now();
    if (this.#running === MOST_AT_ONCE) await new Promise<void>((turn) => this.#turns.push(turn));
    else this.#running++;
    const begun = this.#clock.now();
    try {
      const image = await this.#pullWithAny(pull);
      const now = this.#clock.now();
      return { kind: 'pulled', image, took: now - begun, waited: now - asked };
    } catch (error) {
      if (!(error instanceof CRIError) || error.code === 'unavailable') throw error;
      return { kind: 'failed', message: error.message };
    } finally {
      // The turn is passed on, or free again.
      const next = this.#turns.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  async #pullWithAny({ reference, auths, sandbox }: Pull): Promise<ImageInfo> {
    const tries: readonly (RegistryAuth | undefined)[] = auths.length === 0 ? [undefined] : auths;
    const errors: CRIError[] = [];
    for (const auth of tries) {
      try {
        const pulled = await this.#runtime.pullImage(reference.name, auth, sandbox);
        const image = await this.#runtime.imageStatus(pulled);
        if (image === undefined) throw new CRIError('PullImage', 'not-found', 'the image is gone after the pull');
        return image;
      } catch (error) {
        if (!(error instanceof CRIError) || error.code === 'unavailable') throw error;
        errors.push(error);
      }
    }
    const [first] = errors;
    if (first !== undefined && errors.length === 1) throw first;
    const messages = errors.map(({ message }) => message);
    throw new CRIError('PullImage', 'unknown', `[${messages.join(', ')}]`, { cause: first });
  }
}
