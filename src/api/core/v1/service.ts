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
  notEmpty,
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
import { serviceWarnings } from './service.warnings.ts';

export const servicePort = object({
  name: string('Must be there, and be unique, when there are several ports.'),
  protocol: withDefault(oneOf(['TCP', 'UDP', 'SCTP'], 'Default: TCP.'), 'TCP'),
  appProtocol: string(),
  port: required(withDefault(int32('The port of the Service’s own addresses.'), 0)),
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
export type LoadBalancerIngress = TypeOf<typeof loadBalancerIngress>;

const fields = object(
  {
    spec: object({
      type: oneOf(
        ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'],
        'Who can reach it: the cluster, who reaches a node, who reaches the LAN; or a mere name. Default: ClusterIP.',
      ),
      selector: map(string(), 'Labels of the pods and virtual machines that are its endpoints.'),
      ports: listMap(servicePort, ['port', 'protocol'], 'A list: one entry for each port.'),
      clusterIP: string('The first of clusterIPs; None for a Service without an address of its own.'),
      clusterIPs: list(string(), 'Its addresses in the cluster, at most one per family. Allocated when left out.'),
      ipFamilyPolicy: notEmpty(
        oneOf(
          ['SingleStack', 'PreferDualStack', 'RequireDualStack'],
          'Whether it has addresses of both families. Default: SingleStack.',
        ),
      ),
      ipFamilies: list(oneOf(['IPv4', 'IPv6']), 'The families of clusterIPs, in their order.'),
      externalIPs: list(string(), 'Further addresses, which others lead to the nodes.'),
      externalName: string('The name that it stands for. For type ExternalName.'),
      sessionAffinity: oneOf(['None', 'ClientIP'], 'Whether a client stays with one endpoint. Default: None.'),
      sessionAffinityConfig: object({ clientIP: object({ timeoutSeconds: int32() }) }),
      loadBalancerIP: string(),
      loadBalancerClass: string(),
      loadBalancerSourceRanges: list(string(), 'Prefixes of the clients that may use it.'),
      allocateLoadBalancerNodePorts: boolean('Whether type LoadBalancer has node ports too. Default: true.'),
      healthCheckNodePort: int32(),
      externalTrafficPolicy: oneOf(
        ['Cluster', 'Local'],
        'Local: a node hands traffic from outside only to its own endpoints, and keeps the client’s address.',
      ),
      internalTrafficPolicy: notEmpty(
        oneOf(['Cluster', 'Local'], 'Local: clients reach only endpoints on their own node.'),
      ),
      publishNotReadyAddresses: boolean('Endpoints count as ready whatever they say.'),
      trafficDistribution: string(),
    }),
    status: object({
      loadBalancer: object({ ingress: list(loadBalancerIngress) }),
      conditions,
    }),
  },
  'A stable address and name, and load balancing over the pods and virtual machines that it selects.',
);
export type Service = Resource<TypeOf<typeof fields>>;

export const Service = defineKind({
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  shortNames: ['svc'],
  categories: ['all'],
  namespaced: true,
  generation: false,
  nameFormat: 'dns-1035-label',
  status: true,
  createOnUpdate: true,
  schema: fields,
  columns: serviceColumns,
  defaults: defaultService,
  prepare: prepareService,
  validate: validateService,
  warnings: serviceWarnings,
  selectableFields: {
    'spec.type': (service) => service.spec?.type ?? '',
    'spec.clusterIP': (service) => service.spec?.clusterIP ?? '',
  },
});
