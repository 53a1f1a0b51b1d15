/** Which load balancer it is, and where it stands: subnets, addresses, shape. Pure. */
import type { Service } from '../../../../api/core/v1/service.ts';
import { parseIP, printIP } from '../../../../lib/ip.ts';
import type { LoadBalancerRequest, LoadBalancerType, RequestDefaults, RequestedSubnet, Shape } from '../request.ts';
import { ANNOTATIONS, type AnnotationReader, isOcid } from './annotations.ts';

const { lb: LB, nlb: NLB } = ANNOTATIONS;

type Identity = Pick<LoadBalancerRequest, 'namespace' | 'service' | 'uid' | 'name'>;
type Place = Pick<LoadBalancerRequest, 'internal' | 'subnets' | 'reservedAddress' | 'assignedAddresses' | 'shape'>;

/** The bandwidth of flexible shapes, in Mbit/s; what is beyond becomes that. OCI's controller goes up to 8192, which OCI refuses. */
const NARROWEST = 10;
const WIDEST = 8000;

/** The name is the Service's UID, as OCI's controller has it, so that either finds what the other made. */
export function requestedIdentity({ metadata: { namespace = '', name = '', uid = '' } }: Service): Identity {
  return { namespace, service: name, uid, name: uid };
}

export function requestedPlace(
  service: Service,
  type: LoadBalancerType,
  reader: AnnotationReader,
  config: RequestDefaults,
): Place {
  const internal = reader.boolean(ANNOTATIONS[type].internal) ?? false;
  const reservedAddress = requestedAddress(service, internal, reader);
  const shape = type === 'lb' ? requestedShape(reader) : undefined;
  return {
    internal,
    subnets: requestedSubnets(type, reader, config),
    ...(reservedAddress === undefined ? {} : { reservedAddress }),
    assignedAddresses: type === 'nlb' ? assignedAddresses(reader) : {},
    ...(shape === undefined ? {} : { shape }),
  };
}

function requestedSubnets(
  type: LoadBalancerType,
  reader: AnnotationReader,
  { loadBalancer }: RequestDefaults,
): readonly RequestedSubnet[] {
  const choices: readonly (readonly [string, string | undefined])[] =
    type === 'nlb'
      ? [[NLB.subnet, loadBalancer.subnet1]]
      : [
          [LB.subnet1, loadBalancer.subnet1],
          [LB.subnet2, loadBalancer.subnet2],
        ];
  const subnets = choices.flatMap(([annotation, configured]): readonly RequestedSubnet[] => {
    const id = reader.text(annotation);
    if (id !== undefined && !isOcid(id)) reader.wrong(annotation, 'must be the OCID of a subnet');
    if (id !== undefined) return [{ id, annotated: true }];
    return configured === undefined ? [] : [{ id: configured, annotated: false }];
  });
  const [[annotation] = ['']] = choices;
  if (subnets.length === 0)
    reader.wrong(annotation, 'must be the OCID of a subnet, as loadBalancer.subnet1 of the cloud config has none');
  return subnets;
}

/** https://docs.oracle.com/en-us/iaas/Content/Network/Tasks/managingpublicIPs.htm */
function requestedAddress({ spec = {} }: Service, internal: boolean, reader: AnnotationReader): string | undefined {
  const text = spec.loadBalancerIP;
  if (!text) return undefined;
  const ip = parseIP(text);
  if (ip?.family !== 'IPv4') {
    reader.note('spec.loadBalancerIP', text, 'must be a reserved public IPv4 address');
    return undefined;
  }
  if (internal) reader.note('spec.loadBalancerIP', text, 'must not be there on an internal load balancer');
  return printIP(ip);
}

function assignedAddresses(reader: AnnotationReader): Place['assignedAddresses'] {
  const ipv4 = reader.address(NLB.assignedIPv4, 'IPv4');
  const ipv6 = reader.address(NLB.assignedIPv6, 'IPv6');
  return { ...(ipv4 === undefined ? {} : { IPv4: ipv4 }), ...(ipv6 === undefined ? {} : { IPv6: ipv6 }) };
}

function requestedShape(reader: AnnotationReader): Shape | undefined {
  const name = reader.text(LB.shape);
  if (name === undefined) return undefined;
  if (name.toLowerCase() !== 'flexible') return { name };
  const minimum = bandwidth(LB.shapeMin, reader);
  const maximum = bandwidth(LB.shapeMax, reader);
  if (minimum === undefined || maximum === undefined) return undefined;
  return { name: 'flexible', minimum, maximum: Math.max(minimum, maximum) };
}

function bandwidth(annotation: string, reader: AnnotationReader): number | undefined {
  const [, digits] = /^(\d{1,9})(?:mbps)?$/i.exec(reader.text(annotation) ?? '') ?? [];
  if (digits === undefined) {
    reader.wrong(annotation, `must be a number of Mbit/s from ${NARROWEST} to ${WIDEST}, as the shape is flexible`);
    return undefined;
  }
  return Math.min(WIDEST, Math.max(NARROWEST, Number(digits)));
}
