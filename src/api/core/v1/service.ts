/** core/v1 Service. https://kubernetes.io/docs/reference/kubernetes-api/service-resources/service-v1/ */
import { defineKind, type Resource } from '../../kind.ts';
import { conditions } from '../../meta/v1.ts';
import {
  boolean,
  int32,
  intOrString,
  list,
  listMap,
  map,
  object,
  oneOf,
  required,
  string,
  type TypeOf,
  withDefault,
} from '../../schema.ts';
import { serviceColumns } from './service.columns.ts';
import { defaultService } from './service.defaults.ts';
import { prepareService } from './service.prepare.ts';
import { validateService } from './service.validation.ts';

export const servicePort = object({
  name: string('Must be there, and be unique, when there are several ports.'),
  protocol: withDefault(oneOf(['TCP', 'UDP', 'SCTP'], 'Default: TCP.'), 'TCP'),
  appProtocol: string(),
  port: required(int32('The port of the Service’s own addresses.')),
  targetPort: intOrString('The port of the endpoints, by number or name. Default: the same as port.'),
  nodePort: int32('The port on every node. Allocated when the type needs one and none is given.'),
});
export type ServicePort = TypeOf<typeof servicePort>;
export type Protocol = 'TCP' | 'UDP' | 'SCTP';

export const loadBalancerIngress = object({
  ip: string(),
  ipMode: string('VIP or Proxy.'),
  hostname: string(),
  ports: list(object({ port: required(int32()), protocol: required(string()), error: string() })),
});

const fields = object({
  spec: object({
    type: oneOf(['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName']),
    selector: map(string()),
    ports: listMap(servicePort, ['port', 'protocol']),
    clusterIP: string(),
    clusterIPs: list(string()),
    ipFamilyPolicy: oneOf(['SingleStack', 'PreferDualStack', 'RequireDualStack']),
    ipFamilies: list(oneOf(['IPv4', 'IPv6'])),
    externalIPs: list(string()),
    externalName: string(),
    sessionAffinity: oneOf(['None', 'ClientIP']),
    sessionAffinityConfig: object({ clientIP: object({ timeoutSeconds: int32() }) }),
    loadBalancerIP: string(),
    loadBalancerClass: string(),
    loadBalancerSourceRanges: list(string()),
    allocateLoadBalancerNodePorts: boolean(),
    healthCheckNodePort: int32(),
    externalTrafficPolicy: oneOf(['Cluster', 'Local']),
    internalTrafficPolicy: oneOf(['Cluster', 'Local']),
    publishNotReadyAddresses: boolean(),
    trafficDistribution: string(),
  }),
  status: object({
    loadBalancer: object({ ingress: list(loadBalancerIngress) }),
    conditions,
  }),
});
export type Service = Resource<TypeOf<typeof fields>>;

export const Service = defineKind({
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  shortNames: ['svc'],
  categories: ['all'],
  namespaced: true,
  nameFormat: 'dns-1035-label',
  status: true,
  schema: fields,
  columns: serviceColumns,
  defaults: defaultService,
  prepare: prepareService,
  validate: validateService,
  selectableFields: {
    'spec.type': (service) => service.spec?.type ?? '',
    'spec.clusterIP': (service) => service.spec?.clusterIP ?? '',
  },
});
