/** The SDK's clients: without its retries and circuit breakers, since the controller alone decides when to ask again. */
import { CircuitBreaker, NoRetryConfigurationDetails, Region } from 'oci-common';
import { ComputeClient, VirtualNetworkClient } from 'oci-core';
import { LoadBalancerClient } from 'oci-loadbalancer';
import { NetworkLoadBalancerClient } from 'oci-networkloadbalancer';
import type { ThreadData } from '../messages.ts';
import type { ServiceName } from '../operations.ts';
import { openSigner } from './signer.ts';
import { Transport } from './transport.ts';

export type Clients = Readonly<Record<ServiceName, object>>;

/** Throws when there are no credentials, such as those of an instance that this is not. */
export async function openClients(data: ThreadData): Promise<Clients> {
  const signer = await openSigner(data);
  const httpClient = new Transport(signer);
  const { core, loadBalancer, networkLoadBalancer } = data.endpoints;
  const region = data.region ?? signer.region;
  const open = <T extends Client>(Of: ClientClass<T>, endpoint: string | undefined): T =>
    at(new Of({ httpClient }, configuration()), endpoint, region);
  return {
    network: open(VirtualNetworkClient, core),
    compute: open(ComputeClient, core),
    loadBalancer: open(LoadBalancerClient, loadBalancer),
    networkLoadBalancer: open(NetworkLoadBalancerClient, networkLoadBalancer),
  };
}

type ClientClass<T> = new (
  params: ConstructorParameters<typeof VirtualNetworkClient>[0],
  options: ReturnType<typeof configuration>,
) => T;

function configuration() {
  return {
    retryConfiguration: NoRetryConfigurationDetails,
    circuitBreaker: new CircuitBreaker({ disableClientCircuitBreaker: true }),
  };
}

interface Client {
  endpoint: string;
  regionId: string;
}

function at<T extends Client>(client: T, endpoint: string | undefined, region: string | undefined): T {
  if (endpoint !== undefined) client.endpoint = endpoint;
  else if (region !== undefined) client.regionId = Region.getRegionIdFromShortCode(region);
  else throw new Error('neither the configuration nor the instance says which region it is');
  return client;
}
