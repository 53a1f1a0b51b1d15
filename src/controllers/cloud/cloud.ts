/**
 * Services of type LoadBalancer, bare node ports and Nodes, as a cloud has them: everything that providers are asked. Each is a
 * loop of its own; they share the informers.
 */
import { type Duration, minutes } from '../../lib/duration.ts';
import type { ControllerParts, Run } from '../parts.ts';
import { balancersController } from './balancers/balancers.ts';
import { nodeFactsController } from './node-facts/node-facts-controller.ts';
import { nodePortsController } from './node-ports/node-ports-controller.ts';
import type { LoadBalancerProvider } from './provider.ts';

export interface CloudOptions {
  readonly providers: readonly LoadBalancerProvider[];
  /** How often everything is compared with what is at the provider, though nothing changed here. Default: 5 minutes. */
  readonly sweep?: Duration;
  /** Who may come to node ports of Services of type NodePort, as prefixes. Default: anyone. */
  readonly nodePortSources?: readonly string[];
  /** In [0, 1). Default: Math.random. */
  readonly random?: () => number;
}

const SWEEP: Duration = minutes(5);
const ANYONE = ['0.0.0.0/0', '::/0'];

/** Makes the controller; there must be one at a time. */
export function cloudController(parts: ControllerParts & CloudOptions): Run {
  const { sweep = SWEEP, nodePortSources = ANYONE, random = Math.random } = parts;
  const own = { ...parts, sweep, nodePortSources, random };
  const runs = [balancersController(own), nodePortsController(own), nodeFactsController(own)];
  return async (signal) => {
    await Promise.all(runs.map((run) => run(signal)));
  };
}
