/** TLS that a load balancer ends, and starts anew towards nodes. Pure. */
import type { Service } from '../../../../api/core/v1/service.ts';
import type { LoadBalancerType, RequestedTls, TlsOptions } from '../request.ts';
import { ANNOTATIONS, type AnnotationReader } from './annotations.ts';

const { lb: LB } = ANNOTATIONS;

/** Undefined: none. A network load balancer passes TLS on. */
export function requestedTls(
  service: Service,
  type: LoadBalancerType,
  reader: AnnotationReader,
): RequestedTls | undefined {
  if (type === 'nlb' || reader.text(LB.tlsPorts) === undefined) return undefined;
  const ports = portsIn(service, reader);
  const listener = secretIn(LB.listenerSecret, service, reader);
  const backendSet = secretIn(LB.backendSetSecret, service, reader);
  if (listener === undefined && backendSet === undefined)
    reader.wrong(LB.listenerSecret, `must name a Secret of type kubernetes.io/tls, as ${LB.tlsPorts} is there`);
  return {
    ports,
    ...(listener === undefined ? {} : { listener }),
    ...(backendSet === undefined ? {} : { backendSet }),
    listenerOptions: optionsIn(LB.listenerTls, reader),
    backendSetOptions: optionsIn(LB.backendSetTls, reader),
  };
}

function portsIn({ spec = {} }: Service, reader: AnnotationReader): readonly number[] {
  const there = (spec.ports ?? []).map(({ port }) => port);
  const ports = (reader.text(LB.tlsPorts) ?? '').split(',').map((text) => Number(text.trim() || Number.NaN));
  if (!ports.every((port) => there.includes(port)))
    reader.wrong(LB.tlsPorts, `must be ports of the Service with commas between them, of ${there.join(', ')}`);
  return ports;
}

/**
 * `NAME` or `NAMESPACE/NAME`. Only of the Service's own namespace, other than with OCI's controller: who may write Services in one
 * namespace is not to use keys of another.
 */
function secretIn(
  annotation: string,
  { metadata: { namespace = '' } }: Service,
  reader: AnnotationReader,
): RequestedTls['listener'] {
  const text = reader.text(annotation);
  if (text === undefined) return undefined;
  const [name = '', within = namespace, ...rest] = text.split('/').reverse();
  if (within === namespace && name !== '' && rest.length === 0) return { namespace, name };
  reader.wrong(annotation, `must name a Secret in the Service's own namespace ${namespace}`);
  return undefined;
}

/** `{"CipherSuiteName": "…", "Protocols": ["TLSv1.2"]}`, in whatever case. */
function optionsIn(annotation: string, reader: AnnotationReader): TlsOptions {
  const found = Object.entries(reader.json(annotation) ?? {}).map(
    ([key, value]) => [key.toLowerCase(), value] as const,
  );
  const { ciphersuitename: cipherSuite, protocols, ...others } = Object.fromEntries(found);
  const areStrings = Array.isArray(protocols) && protocols.every((one) => typeof one === 'string');
  const isRight =
    (cipherSuite === undefined || typeof cipherSuite === 'string') &&
    (protocols === undefined || areStrings) &&
    Object.keys(others).length === 0;
  if (!isRight)
    reader.wrong(annotation, 'must have a text CipherSuiteName, a list Protocols of texts, and nothing else');
  return {
    ...(typeof cipherSuite === 'string' ? { cipherSuite } : {}),
    ...(areStrings ? { protocols: protocols.map(String).sort() } : {}),
  };
}
