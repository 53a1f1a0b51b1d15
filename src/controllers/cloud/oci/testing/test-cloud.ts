/** Oracle Cloud Infrastructure as far as we use it, within the process of a test: see README.md. */
import { systemClock } from '../../../../host/clock.ts';
import type { OciCalls } from '../calls.ts';
import { releaseAddresses } from './addresses.ts';
import { Cloud, type CloudOptions } from './cloud.ts';
import { directCalls } from './direct-calls.ts';
import { Door, type Recorded } from './door.ts';
import type { Fault, FaultHandle } from './faults.ts';
import { Front } from './front.ts';
import { operations } from './operations.ts';
import { type Arrival, arrival, type Packet } from './packets/packets.ts';
import { addNode, type CloudNode, furnish, type NewNode, type World } from './world.ts';

/** Work ends at the second look unless something else is said. */
export interface TestCloudOptions extends Partial<CloudOptions> {
  /** The most items on a page. */
  readonly pageSize?: number;
  /** Names of nodes that are there from the start. */
  readonly nodes?: readonly string[];
}

export class TestCloud {
  /** What there is in the cloud: tests read it, and change it as somebody else would. */
  readonly state: Cloud;
  /** What was there at the start. */
  readonly world: World;
  readonly nodes: readonly CloudNode[];
  protected readonly door: Door;

  constructor({ pageSize = 50, nodes = [], ...options }: TestCloudOptions = {}) {
    this.state = new Cloud({ clock: systemClock, pace: { kind: 'polls', count: 1 }, ...options });
    this.world = furnish(this.state);
    this.nodes = nodes.map((name) => this.addNode({ name }));
    this.door = new Door(this.state, new Front(this.state, operations, pageSize));
  }

  /** Every request so far, the oldest first. */
  get requests(): readonly Recorded[] {
    return this.door.requests;
  }

  /** The calls themselves, without HTTPS and the SDK: what they do and answer is the same. */
  calls(): OciCalls {
    return directCalls(this.door, operations);
  }

  /** Makes something go wrong, from now on. */
  fail(fault: Fault): FaultHandle {
    return this.door.faults.add(fault);
  }

  /** Nothing goes wrong any more, and no request has been seen. */
  forget(): void {
    this.door.faults.clear();
    this.door.forget();
  }

  addNode(node: Omit<NewNode, 'subnetId'> & { readonly subnetId?: string }): CloudNode {
    return addNode(this.state, { subnetId: this.world.nodeSubnet, ...node });
  }
  /** Where a packet from outside ends up, by all that there is in the cloud now. */
  arrival(packet: Packet): Arrival {
    return arrival(this.state, packet);
  }

  /** A load balancer or a security group goes at once, as if somebody had deleted it in the console. */
  deleteByHand(id: string): void {
    const { loadBalancers, networkLoadBalancers, networkSecurityGroups, securityRules, work } = this.state;
    const tables = [loadBalancers, networkLoadBalancers, networkSecurityGroups];
    if (!tables.some((table) => table.delete(id))) throw new Error(`there is no ${id}`);
    work.abandon(id);
    releaseAddresses(this.state, id);
    securityRules.delete(id);
  }
}
