/** What Services of type NodePort ask a cloud's own firewall to let through. Pure. */
import { FIREWALL_ANNOTATION } from '../../../api/core/v1/service.annotations.ts';
import { isLeftAlone, isPort } from '../../../api/core/v1/service.forwarding.ts';
import type { Service } from '../../../api/core/v1/service.ts';
import { keyOf, keyText } from '../../../api/meta/v1.ts';
import { familyOf, type IPFamily } from '../../../lib/ip.ts';
import type { NodePortRule } from '../provider.ts';

/** The rules of one Service, in its own order; none for other types. `sources` are prefixes of those who may come. */
export function nodePortRules(service: Service, sources: readonly string[]): readonly NodePortRule[] {
  const { metadata, spec } = service;
  if (spec?.type !== 'NodePort' || metadata.deletionTimestamp !== undefined || isLeftAlone(service)) return [];
  if (metadata.annotations?.[FIREWALL_ANNOTATION] === 'none') return [];
  const owner = keyText(keyOf(service));
  return families(service).flatMap((family) => {
    const own = sources.filter((source) => familyOf(source.split('/')[0] ?? '') === family);
    if (own.length === 0) return [];
    return (spec.ports ?? []).flatMap(({ protocol = 'TCP', nodePort }): NodePortRule[] =>
      isPort(nodePort) ? [{ owner, family, protocol, port: nodePort, sources: own }] : [],
    );
  });
}

/** Of its addresses: a server that does not know `ipFamilies` has one family, that of the address. */
function families({ spec }: Service): readonly IPFamily[] {
  if (spec?.ipFamilies !== undefined && spec.ipFamilies.length > 0) return spec.ipFamilies;
  const found = (spec?.clusterIPs ?? [spec?.clusterIP ?? '']).map(familyOf);
  return found.filter((family) => family !== undefined);
}
