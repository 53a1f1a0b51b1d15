/** Which Services select which pods, found by labels so that the cost does not grow with the number of either. */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Service } from '../../api/core/v1/service.ts';
import type { Informer } from '../../client/informer.ts';

type Labels = Readonly<Record<string, string>>;

export interface Selection {
  podsOf(service: Service): readonly Pod[];
  servicesOf(pod: Pod): readonly Service[];
  /** The Services that select, or would select, what has these labels. */
  servicesFor(namespace: string | undefined, labels: Labels | undefined): readonly Service[];
}

/** Of several controllers that ask about the same informers, the first pays for the indexes. */
const known = new WeakMap<Informer<Service>, Selection>();

/** Adds the indexes it needs to the informers, which must not have been started. Ask with the same two again. */
export function selection(services: Informer<Service>, pods: Informer<Pod>): Selection {
  const found = known.get(services) ?? newSelection(services, pods);
  known.set(services, found);
  return found;
}

function newSelection(services: Informer<Service>, pods: Informer<Pod>): Selection {
  const podsByLabel = pods.index((pod) => {
    return Object.entries(pod.metadata.labels ?? {}).map((label) => labelKey(pod.metadata.namespace, label));
  });
  // One label of each selector is enough: a pod that lacks it is not selected.
  const servicesByLabel = services.index((service) => {
    return pairs(service)
      .slice(0, 1)
      .map((label) => labelKey(service.metadata.namespace, label));
  });
  const servicesFor: Selection['servicesFor'] = (namespace, labels = {}) =>
    Object.entries(labels)
      .flatMap((label) => servicesByLabel(labelKey(namespace, label)))
      .filter((service) => selects(service, labels));
  return {
    servicesFor,
    podsOf(service) {
      const candidates = pairs(service).map((label) => podsByLabel(labelKey(service.metadata.namespace, label)));
      const fewest = candidates.reduce<readonly Pod[] | undefined>((best, next) => {
        return best === undefined || next.length < best.length ? next : best;
      }, undefined);
      const wanted = pairs(service);
      return (fewest ?? []).filter(({ metadata }) => holds(wanted, metadata.labels));
    },
    servicesOf: ({ metadata }) => servicesFor(metadata.namespace, metadata.labels),
  };
}

/** The labels that the selector asks for, in an order that does not depend on how they were written. */
function pairs(service: Service): [string, string][] {
  return Object.entries(service.spec?.selector ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** An empty selector selects nothing here: such a Service brings its own endpoints. */
function selects(service: Service, labels: Labels | undefined): boolean {
  return holds(pairs(service), labels);
}

function labelKey(namespace: string | undefined, [key, value]: [string, string]): string {
  return `${namespace}\n${key}=${value}`;
}

function holds(wanted: readonly [string, string][], labels: Labels | undefined): boolean {
  return wanted.length > 0 && wanted.every(([key, value]) => labels?.[key] === value);
}
