/** For tests: Nodes and Services that show only what matters, and the controller over a cloud in memory. */
import type { Node } from '../../api/core/v1/node.ts';
import type { Service } from '../../api/core/v1/service.ts';
import type { KubeObject } from '../../api/meta/v1.ts';
import { minutes } from '../../lib/duration.ts';
import { type World, world } from '../testing.ts';
import { balancersController } from './balancers/balancers.ts';
import { MEMORY_CLASS, MemoryCloud } from './memory.ts';

export interface NodeWish {
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: NonNullable<Node['spec']>;
  readonly ready?: boolean;
}

/** A ready node. */
export function node(name: string, address: string, { labels = {}, spec = {}, ready = true }: NodeWish = {}): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels },
    spec,
    status: {
      addresses: [{ type: 'InternalIP', address }],
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  };
}

/** A Service of type LoadBalancer that the provider in memory takes, with TCP port 80 on node port 30080. */
export function service(name: string, spec: Partial<NonNullable<Service['spec']>> = {}): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'ns' },
    spec: {
      type: 'LoadBalancer',
      loadBalancerClass: MEMORY_CLASS,
      ipFamilies: ['IPv4'],
      ports: [{ name: 'http', protocol: 'TCP', port: 80, nodePort: 30080 }],
      ...spec,
    },
  };
}

export interface CloudWorld extends World {
  readonly cloud: MemoryCloud;
}

export interface StartOptions {
  /** Whether Services without a class are the cloud's. */
  readonly isDefault?: boolean;
  /** A Service that has a load balancer there already. */
  readonly had?: Service;
}

/** Runs the controller over these objects, and a cloud. */
export async function start(
  objects: readonly KubeObject[],
  { isDefault = false, had }: StartOptions = {},
): Promise<CloudWorld> {
  let cloud: MemoryCloud | undefined;
  const running = await world(objects, (parts) => {
    cloud = new MemoryCloud({ clock: parts.clock, isDefault });
    if (had !== undefined) void cloud.open().ensure(had, []);
    return balancersController({ ...parts, providers: [cloud.open()], sweep: minutes(5), random: () => 0 });
  });
  if (cloud === undefined) throw new Error('the controller was not made');
  return { ...running, cloud };
}
