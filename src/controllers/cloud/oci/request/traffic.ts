/** How connections are spread and carried on, and to which nodes. Pure. */
import type { Service } from '../../../../api/core/v1/service.ts';
import { parseLabelSelector, type Selector } from '../../../../api/selectors.ts';
import { ApiError } from '../../../../api/status.ts';
import type { LoadBalancerRequest, LoadBalancerType } from '../request.ts';
import { ANNOTATIONS, type AnnotationReader } from './annotations.ts';

const { lb: LB, nlb: NLB } = ANNOTATIONS;

/** The first is the default. */
const POLICIES: Readonly<Record<LoadBalancerType, readonly string[]>> = {
  lb: ['ROUND_ROBIN', 'LEAST_CONNECTIONS', 'IP_HASH'],
  nlb: ['FIVE_TUPLE', 'THREE_TUPLE', 'TWO_TUPLE'],
};

/** OCI's own idle timeouts, in seconds: the PROXY protocol can only be set together with one. */
const IDLE_TIMEOUT: Readonly<Record<string, number>> = { HTTP: 60 };
const OTHER_IDLE_TIMEOUT = 300;
const MAX_IDLE_TIMEOUT = 7200;

type Traffic = Pick<
  LoadBalancerRequest,
  'policy' | 'preserveSource' | 'idleTimeout' | 'proxyProtocol' | 'nodeSelector' | 'ipMode' | 'externalOnly'
>;

export function requestedTraffic(service: Service, type: LoadBalancerType, reader: AnnotationReader): Traffic {
  const [standard = ''] = POLICIES[type];
  if ((service.spec?.sessionAffinity ?? 'None') !== 'None')
    reader.note('spec.sessionAffinity', 'ClientIP', 'must be None: OCI chooses the node anew for each connection');
  const ipMode = reader.oneOf(ANNOTATIONS.ingressIpMode, ['VIP', 'Proxy']);
  return {
    policy: reader.oneOf(ANNOTATIONS[type].policy, POLICIES[type]) ?? standard,
    ...(type === 'lb' ? proxied(reader) : passedOn(service, reader)),
    nodeSelector: selectorIn(ANNOTATIONS[type].nodeSelector, reader),
    ...(ipMode === undefined ? {} : { ipMode }),
  };
}

function proxied(reader: AnnotationReader) {
  const version = reader.integer(LB.proxyProtocolVersion, 1, 2);
  const spoken = reader.text(LB.backendProtocol)?.toUpperCase() ?? 'TCP';
  const said = reader.integer(LB.idleTimeout, 1, MAX_IDLE_TIMEOUT);
  const idleTimeout = said ?? (version === undefined ? undefined : (IDLE_TIMEOUT[spoken] ?? OTHER_IDLE_TIMEOUT));
  return {
    preserveSource: false,
    externalOnly: false,
    ...(idleTimeout === undefined ? {} : { idleTimeout }),
    ...(version === undefined ? {} : { proxyProtocol: version === 1 ? (1 as const) : (2 as const) }),
  };
}

function passedOn({ spec = {} }: Service, reader: AnnotationReader) {
  const isLocal = spec.externalTrafficPolicy === 'Local';
  const preserve = reader.boolean(NLB.preserveSource);
  if (preserve !== undefined && !isLocal)
    reader.wrong(NLB.preserveSource, 'must not be there with externalTrafficPolicy Cluster');
  // Anything else than these two leaves it as it is, as with OCI's controller.
  const proxyProtocol = { true: 2 as const, false: false as const }[
    reader.text(NLB.proxyProtocol)?.toLowerCase() ?? ''
  ];
  return {
    preserveSource: isLocal && (preserve ?? true),
    externalOnly: reader.boolean(NLB.externalOnly) ?? false,
    ...(proxyProtocol === undefined ? {} : { proxyProtocol }),
  };
}

function selectorIn(annotation: string, reader: AnnotationReader): Selector {
  try {
    return parseLabelSelector(reader.text(annotation) ?? '');
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    reader.wrong(annotation, `must be a label selector: ${error.message}`);
    return [];
  }
}
