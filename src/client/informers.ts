/** One informer per kind, shared by all parts of a process, so that each kind is watched and kept once. */
import type { Kind } from '../api/kind.ts';
import type { KubeObject } from '../api/meta/v1.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import { paced } from '../host/paced.ts';
import type { Client } from './client.ts';
import { Informer } from './informer.ts';

export interface InformersOptions {
  readonly client: Client;
  readonly log: Logger;
  readonly clock?: Clock;
  /**
   * Whether those who add listeners to informers that run already are told of what is there by {@link Informers.start}, in turns of the event loop,
   * and first of what changed last, of whatever kind. Default: at once.
   */
  readonly lateInTurns?: boolean;
}

/** A kind, as somebody wants it followed. */
export interface AskedKind {
  // biome-ignore lint/suspicious/noExplicitAny: kinds of all types of objects stand here together.
  readonly kind: Kind<any>;
  readonly optional: boolean;
}

export class Informers {
  readonly #options: InformersOptions;
  // biome-ignore lint/suspicious/noExplicitAny: the map's key, a Kind<T>, says the T of its value.
  readonly #byKind = new Map<string, Informer<any>>();
  readonly #asked: AskedKind[] = [];
  readonly #started = new Set<Informer<KubeObject>>();

  constructor(options: InformersOptions) {
    this.#options = options;
  }

  /**
   * The informer of a kind, over all namespaces, or of those of its objects that `fieldSelector` selects. Ask, add listeners and
   * indexes, then {@link start}: those who share it may do so one after another. Whoever asks for a kind that a server may lack says
   * `optional`, all of them alike.
   */
  of<T extends KubeObject>(
    kind: Kind<T>,
    { optional = false, fieldSelector }: { readonly optional?: boolean; readonly fieldSelector?: string } = {},
  ): Informer<T> {
    const key = `${kind.plural}.${kind.group} ${fieldSelector ?? ''}`;
    let informer: Informer<T> | undefined = this.#byKind.get(key);
    if (informer === undefined) {
      informer = new Informer({ ...this.#options, kind, optional, ...(fieldSelector && { fieldSelector }) });
      this.#byKind.set(key, informer);
      this.#asked.push({ kind, optional });
    }
    return informer;
  }

  /** Which kinds somebody has asked for. */
  get asked(): readonly AskedKind[] {
    return this.#asked;
  }

  /**
   * Starts every informer that was asked for and does not run yet; resolves when all have their first list, and all listeners have been told.
   * Those who share one end together: the signal that it was started with counts.
   */
  async start(signal: AbortSignal): Promise<void> {
    const all = [...this.#byKind.values()];
    for (const informer of all) {
      if (this.#started.has(informer)) continue;
      this.#started.add(informer);
      informer.start(signal);
    }
    await Promise.all(all.map((informer) => informer.synced));
    if (this.#options.lateInTurns !== true) return;
    const pace = paced();
    for (const informer of all) await informer.tellLate('recent', pace);
    for (const informer of all) await informer.tellLate('rest', pace);
  }
}
