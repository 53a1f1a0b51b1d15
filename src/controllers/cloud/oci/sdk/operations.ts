/** Which calls there are at run time, and which of them change something. */
import type { OciCalls } from '../calls.ts';

export type ServiceName = keyof OciCalls;

/** A read may be asked again without harm. */
export type Effect = 'read' | 'write';

/** The compiler sees to it that these are the calls of `calls.ts`, all of them and no others. */
export const OPERATIONS = {
  network: {
    addNetworkSecurityGroupSecurityRules: 'write',
    createNetworkSecurityGroup: 'write',
    deleteNetworkSecurityGroup: 'write',
    getPublicIpByIpAddress: 'read',
    getSecurityList: 'read',
    getSubnet: 'read',
    getVcn: 'read',
    getVnic: 'read',
    listNetworkSecurityGroupSecurityRules: 'read',
    listNetworkSecurityGroups: 'read',
    listSubnets: 'read',
    removeNetworkSecurityGroupSecurityRules: 'write',
    updateNetworkSecurityGroupSecurityRules: 'write',
    updateSecurityList: 'write',
  },
  compute: { getInstance: 'read', listVnicAttachments: 'read' },
  loadBalancer: {
    createBackendSet: 'write',
    createCertificate: 'write',
    createListener: 'write',
    createLoadBalancer: 'write',
    deleteBackendSet: 'write',
    deleteCertificate: 'write',
    deleteListener: 'write',
    deleteLoadBalancer: 'write',
    getLoadBalancer: 'read',
    getWorkRequest: 'read',
    listLoadBalancers: 'read',
    updateBackendSet: 'write',
    updateListener: 'write',
    updateLoadBalancer: 'write',
    updateLoadBalancerShape: 'write',
    updateNetworkSecurityGroups: 'write',
  },
  networkLoadBalancer: {
    createBackendSet: 'write',
    createListener: 'write',
    createNetworkLoadBalancer: 'write',
    deleteBackendSet: 'write',
    deleteListener: 'write',
    deleteNetworkLoadBalancer: 'write',
    getNetworkLoadBalancer: 'read',
    getWorkRequest: 'read',
    listNetworkLoadBalancers: 'read',
    listWorkRequestErrors: 'read',
    updateBackendSet: 'write',
    updateListener: 'write',
    updateNetworkLoadBalancer: 'write',
    updateNetworkSecurityGroups: 'write',
  },
} as const satisfies { readonly [S in ServiceName]: Readonly<Record<keyof OciCalls[S], Effect>> };

/** One call, as the thread is asked for it. */
export interface Operation {
  readonly service: ServiceName;
  readonly name: string;
  readonly effect: Effect;
}

export type Invoke = (operation: Operation, request: unknown) => Promise<unknown>;

/** The calls, each by way of `invoke`. */
export function callsThrough(invoke: Invoke): OciCalls {
  const services = Object.entries(OPERATIONS).map(([service, names]) => {
    const calls = Object.entries(names).map(([name, effect]) => {
      const operation: Operation = { service: service as ServiceName, name, effect };
      return [name, (request: unknown) => invoke(operation, request)];
    });
    return [service, Object.fromEntries(calls)];
  });
  return Object.fromEntries(services) as OciCalls;
}
