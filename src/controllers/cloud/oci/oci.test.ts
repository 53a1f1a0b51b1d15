import type { Service } from '../../../api/core/v1/service.ts';
import { familyOf } from '../../../lib/ip.ts';
import { type ContractWorld, providerContract } from '../contract.ts';
import { node } from '../testing.ts';
import { OciWorld } from './load-balancer/testing.ts';
import { ANNOTATIONS } from './request/annotations.ts';
import type { LoadBalancerType } from './request.ts';

for (const type of ['lb', 'nlb'] as const) {
  providerContract(`oci, ${type}`, async () => contractWorld(new OciWorld(), type));
}

function contractWorld(world: OciWorld, type: LoadBalancerType): ContractWorld {
  const { cloud, watched, clock } = world;
  return {
    open: async () => world.open(),
    nodes: cloud.nodes.map(({ name, privateIp }) => node(name, privateIp)),
    taken: (service) => taken(service, type),
    balancers: () => world.balancers(),
    writes: () => watched.written.length,
    pass: (ms) => clock.advance(ms),
    deleteByHand: (owner) => {
      for (const one of world.all()) {
        if (one.freeformTags?.['postern.dev/service'] !== owner) continue;
        cloud.state.loadBalancers.delete(one.id);
        cloud.state.networkLoadBalancers.delete(one.id);
      }
    },
    interrupt: (write) => watched.interrupt(write),
    nodePorts: () => nodePortsIn(world),
  };
}

function taken(service: Service, type: LoadBalancerType): Service {
  const { metadata, spec } = service;
  return {
    ...service,
    metadata: {
      ...metadata,
      annotations: {
        ...metadata.annotations,
        [ANNOTATIONS.type]: type,
        [ANNOTATIONS.nlb.securityListManagementMode]: 'All',
      },
    },
    spec: { ...spec, loadBalancerClass: 'oci.oraclecloud.com/load-balancer' },
  };
}

const PROTOCOLS: Readonly<Record<string, string>> = { 6: 'TCP', 17: 'UDP' };

/** Rules of bare node ports, in the list of the nodes' subnet. */
function nodePortsIn({ cloud }: OciWorld): readonly string[] {
  const list = cloud.state.securityLists.get(cloud.world.securityLists[cloud.world.nodeSubnet] ?? '');
  const rules = list?.ingressSecurityRules ?? [];
  return rules
    .filter(({ description }) => description?.includes(':node-ports'))
    .map(({ source, protocol, tcpOptions, udpOptions }) => {
      const { min } = (tcpOptions ?? udpOptions)?.destinationPortRange ?? {};
      const [address = ''] = source.split('/');
      return `${familyOf(address)} ${PROTOCOLS[protocol]} ${min} from ${source}`;
    })
    .sort();
}
