/** Tells when the endpoints of a Service come to have hints for zones, or come to have none, as Kubernetes tells it. */
import type { Service } from '../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { keyOf, keyText } from '../../api/meta/v1.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { HintOutcome } from './zone-hints.ts';

const [ENABLED, DISABLED] = ['TopologyAwareHintsEnabled', 'TopologyAwareHintsDisabled'];

/** What was last told of each family; undefined: it has hints. */
type Told = Map<HintOutcome['addressType'], string | undefined>;

export class ZoneHintsNews {
  readonly #events: EventRecorder;
  readonly #told = new Map<string, Told>();

  constructor(events: EventRecorder) {
    this.#events = events;
  }

  /** Tells what is new; `before` are the slices as they were, which tell what was so before we started. */
  tell(service: Service, outcomes: readonly HintOutcome[], before: readonly EndpointSlice[]): void {
    const key = keyText(keyOf(service));
    const told = this.#told.get(key) ?? new Map(before.filter(hasHints).map((slice) => [slice.addressType, undefined]));
    this.#told.set(key, told);
    for (const outcome of outcomes) {
      const { addressType } = outcome;
      const why = outcome.kind === 'disabled' ? outcome.why : undefined;
      const isNew = !told.has(addressType) || told.get(addressType) !== why;
      const wasEnabled = [...told.values()].includes(undefined);
      told.set(addressType, why);
      if (why !== undefined && isNew) {
        this.#events.event(service, 'Warning', DISABLED, `${why}, addressType: ${addressType}`);
      } else if (why === undefined && !wasEnabled) {
        const message = `Topology Aware Hints has been enabled, addressType: ${addressType}`;
        this.#events.event(service, 'Normal', ENABLED, message);
      }
    }
  }

  /** Tells that a Service no longer asks for hints, if it had any. */
  tellEnd(service: Service): void {
    const key = keyText(keyOf(service));
    for (const [addressType, why] of this.#told.get(key) ?? []) {
      if (why !== undefined) continue;
      const message = `Topology Aware Hints has been disabled, addressType: ${addressType}`;
      this.#events.event(service, 'Warning', DISABLED, message);
    }
    this.#told.delete(key);
  }

  /** Forgets a Service that is gone. */
  forget(key: string): void {
    this.#told.delete(key);
  }
}

function hasHints({ endpoints }: EndpointSlice): boolean {
  return endpoints.some(({ hints }) => hints !== undefined);
}
