/** For tests: pools and Services that show only what matters, and the controller at work over them. */
import assert from 'node:assert/strict';
import { Service } from '../../api/core/v1/service.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import type { KubeObject } from '../../api/meta/v1.ts';
import type { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import { type World, world } from '../testing.ts';
import { loadBalancerController } from './loadbalancer.ts';
import { ADDRESS_ALLOCATED } from './status.ts';

export function pool(
  name: string,
  addresses: readonly string[],
  { created, ...spec }: Partial<IPAddressPool['spec']> & { readonly created?: string } = {},
): IPAddressPool {
  const metadata = {
    name,
    namespace: 'metallb-system',
    ...(created === undefined ? {} : { creationTimestamp: created }),
  };
  return { apiVersion: 'metallb.io/v1beta1', kind: 'IPAddressPool', metadata, spec: { addresses, ...spec } };
}

export interface Wish {
  readonly namespace?: string;
  readonly spec?: Partial<NonNullable<Service['spec']>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  /** Addresses in its status. */
  readonly has?: readonly string[];
  readonly created?: string;
}

/** A Service of type LoadBalancer for IPv4, with TCP port 80. */
export function service(name: string, wish: Wish = {}): Service {
  const { namespace = 'ns', spec = {}, annotations, labels, has, created } = wish;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace,
      ...(annotations === undefined ? {} : { annotations }),
      ...(labels === undefined ? {} : { labels }),
      ...(created === undefined ? {} : { creationTimestamp: created }),
    },
    spec: { type: 'LoadBalancer', ipFamilies: ['IPv4'], ports: [{ port: 80 }], ...spec },
    ...(has === undefined ? {} : { status: { loadBalancer: { ingress: has.map((ip) => ({ ip })) } } }),
  };
}

/** The annotations that let Services share addresses under a key. */
export const sharing = (key: string): Readonly<Record<string, string>> => ({ 'metallb.io/allow-shared-ip': key });

/** The key of a pool named `pool`. */
export const POOL = { namespace: 'metallb-system', name: 'pool' };

/** Runs the controller over these objects. */
export const start = (...objects: readonly KubeObject[]) => world(objects, loadBalancerController);

/** The addresses of each Service, by name. */
export async function addresses(w: World): Promise<Record<string, string>> {
  const entries = (await w.all(Service)).map((each) => {
    return [each.metadata.name, (each.status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip).join(' ')];
  });
  return Object.fromEntries(entries);
}

/** A Service that is there. */
export async function get(w: World, name: string): Promise<Service> {
  const found = await w.find(Service, { namespace: 'ns', name });
  assert.ok(found, name);
  return found;
}

/** What somebody else changes of a Service. */
export async function edit(
  w: World,
  name: string,
  spec: Partial<NonNullable<Service['spec']>>,
  annotations = {},
): Promise<void> {
  const { metadata, ...rest } = await get(w, name);
  const merged = { ...metadata, annotations: { ...metadata.annotations, ...annotations } };
  w.client.seed({ ...rest, metadata: merged, spec: { ...rest.spec, ...spec } } as Service);
  await w.settle();
}

/** What a Service says of its address. */
export const condition = async (w: World, name: string) => {
  const found = findCondition((await get(w, name)).status?.conditions, ADDRESS_ALLOCATED);
  return found && `${found.status} ${found.reason}: ${found.message}`;
};
