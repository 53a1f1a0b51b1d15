/** What slices and Endpoints must say of pods, line by line: every rule once more, in the plainest way. */
import type { Json } from '../../../src/apiserver/testing/server.ts';
import type { PodState, Zone } from './actions.ts';
import type { Has } from './service-model.ts';

export interface PodModel extends PodState {
  readonly isEnding: boolean;
}

/** What is said of one Service, sorted. */
export interface Said {
  readonly slices: readonly string[];
  readonly endpoints: readonly string[];
}

/** The addresses of a pod: every other one has both families. */
export const ipsOf = (pod: number): readonly string[] =>
  [`10.244.0.${pod + 1}`, `fd00:10:244::${pod + 1}`].slice(0, 1 + (pod % 2));
/** The number of a pod's port `http`; every third has none. */
export const httpPortOf = (pod: number): number | undefined => (pod % 3 === 0 ? undefined : 8000 + (pod % 3));
export const nodeOf = (pod: number): string => `n${pod % 2}`;

/** Undefined: nobody says what is to be there. */
export function expectedOf(
  { type, app, families, target, publish, distribution }: Has,
  pods: ReadonlyMap<number, PodModel>,
  zones: ReadonlyMap<string, Zone>,
): Said | undefined {
  if (type === 'ExternalName') return undefined;
  const slices: string[] = [];
  const endpoints: string[] = [];
  for (const [number, pod] of pods) {
    if (app === undefined || pod.app !== app || pod.failed) continue;
    const port = target === 'http' ? httpPortOf(number) : target;
    const ready = publish || (pod.ready && !pod.isEnding);
    const zone = zones.get(nodeOf(number)) ?? '';
    const hint = distribution === undefined ? '' : zone;
    const nodeHint = distribution === 'PreferSameNode' ? nodeOf(number) : '';
    for (const ip of ipsOf(number)) {
      const family = ip.includes(':') ? 'IPv6' : 'IPv4';
      if (!families.includes(family)) continue;
      slices.push([family, ip, port ?? '', ready, pod.ready, pod.isEnding, zone, hint, nodeHint].join('|'));
      const isShown = family === families[0] && port !== undefined && (!pod.isEnding || publish);
      if (isShown) endpoints.push([ip, port, publish || pod.ready].join('|'));
    }
  }
  return { slices: slices.sort(), endpoints: endpoints.sort() };
}

/** The same, of what the API has. */
export function said(name: string, slices: readonly Json[], endpoints: readonly Json[]): Said {
  const own = slices.filter(({ metadata }) => serviceOf(metadata) === name);
  const [object] = endpoints.filter(({ metadata }) => metadata.name === name);
  return {
    slices: own.flatMap(linesOf).sort(),
    endpoints: (object?.subsets ?? [])
      .flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }: Json) => [
        ...addresses.map(({ ip }: Json) => [ip, ports[0]?.port, true].join('|')),
        ...notReadyAddresses.map(({ ip }: Json) => [ip, ports[0]?.port, false].join('|')),
      ])
      .sort(),
  };
}

export const serviceOf = (metadata: Json): string => metadata.labels?.['kubernetes.io/service-name'] ?? '';

function linesOf({ addressType, endpoints, ports }: Json): readonly string[] {
  return (endpoints ?? []).map(({ addresses, conditions, zone = '', hints }: Json) => {
    const { ready, serving, terminating } = conditions;
    const hint = hints?.forZones?.[0]?.name ?? '';
    const nodeHint = hints?.forNodes?.[0]?.name ?? '';
    const port = ports?.[0]?.port ?? '';
    return [addressType, addresses[0], port, ready, serving, terminating, zone, hint, nodeHint].join('|');
  });
}
