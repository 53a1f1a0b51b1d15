/** Writes on Nodes what their provider knows of them. */
import { Node } from '../../../api/core/v1/node.ts';
import { keyOf } from '../../../api/meta/v1.ts';
import type { Client } from '../../../client/client.ts';
import { runController } from '../../../client/controller.ts';
import { ignoreNotFound } from '../../../client/expected.ts';
import { WorkQueue } from '../../../client/work-queue.ts';
import type { ControllerParts, Run } from '../../parts.ts';
import { Waits, type WaitsOptions } from '../balancers/waits.ts';
import type { LoadBalancerProvider, NodeFacts } from '../provider.ts';
import { nodePatch, nodeQuestion, nodeStatusPatch } from './node-facts.ts';

export interface NodeFactsParts extends ControllerParts, WaitsOptions {
  readonly providers: readonly LoadBalancerProvider[];
}

/** Makes the controller; its keys are names of nodes. */
export function nodeFactsController(parts: NodeFactsParts): Run {
  const { client, informers, clock, log, providers } = parts;
  const nodes = informers.of(Node);
  const queue = new WorkQueue({ clock });
  const waits = new Waits(parts);
  nodes.onChange(({ key, object, previous }) => {
    if (object === undefined) return waits.forget(key);
    if (previous === undefined || nodeQuestion(object) !== nodeQuestion(previous)) queue.add(key);
  });

  const reconcile = async (key: string, signal: AbortSignal): Promise<void> => {
    const node = nodes.get(key);
    if (node === undefined) return;
    const wait = waits.rest(key, clock.steady());
    if (wait > 0) return queue.addAfter(key, wait);
    let facts: NodeFacts | undefined;
    try {
      facts = await factsOf(node, providers);
    } catch (err) {
      if (signal.aborted) return;
      const again = waits.failed(key, err, clock.steady());
      log.warn({ controller: 'cloud', node: key, err, retryInMs: again }, 'cannot ask what a node is; will retry');
      return queue.addAfter(key, again);
    }
    queue.addAfter(key, waits.succeeded(key));
    if (facts === undefined) return log.debug({ controller: 'cloud', node: key }, 'no provider knows the node');
    await write(node, facts, client);
  };
  return (signal) => {
    const work = (key: string) => reconcile(key, signal);
    return runController({ name: 'cloud nodes', queue, reconcile: work, workers: 2, log }, signal);
  };
}

/** The addresses first: whoever waits for a node to be initialized waits for those. */
async function write(node: Node, facts: NodeFacts, client: Client): Promise<void> {
  try {
    const status = nodeStatusPatch(node, facts);
    const latest = status ? await client.patch(Node, keyOf(node), { type: 'merge', body: status }, 'status') : node;
    const object = nodePatch(latest, facts);
    if (object !== undefined) await client.patch(Node, keyOf(node), { type: 'merge', body: object });
  } catch (error) {
    ignoreNotFound(error);
  }
}

async function factsOf(node: Node, providers: readonly LoadBalancerProvider[]): Promise<NodeFacts | undefined> {
  for (const provider of providers) {
    const facts = await provider.node?.(node);
    if (facts !== undefined) return facts;
  }
  return undefined;
}
