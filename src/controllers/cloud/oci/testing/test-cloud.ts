/** Oracle Cloud Infrastructure as far as we use it, within the process of a test: see README.md. */
import { type Clock, systemClock } from '../../../../host/clock.ts';
import type { OciCalls } from '../calls.ts';
import { Cloud, type Limits } from './cloud.ts';
import { directCalls } from './direct-calls.ts';
import { Door, type Recorded } from './door.ts';
import type { Fault, FaultHandle } from './faults.ts';
import { Front } from './front.ts';
import { operations } from './operations.ts';
import type { Pace } from './work.ts';
import { addNode, type CloudNode, furnish, type NewNode, type World } from './world.ts';

export interface TestCloudOptions {
  readonly clock?: Clock;
  /** When accepted work ends; unless said, at the second look. */
  readonly pace?: Pace;
  readonly limits?: Partial<Limits>;
  readonly quota?: number;
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

  constructor({ clock = systemClock, pace, limits, quota, pageSize = 50, nodes = [] }: TestCloudOptions = {}) {
    this.state = new Cloud({
      clock,
      pace: pace ?? { kind: 'polls', count: 1 },
      ...(limits === undefined ? {} : { limits }),
      ...(quota === undefined ? {} : { quota }),
    });
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
}
