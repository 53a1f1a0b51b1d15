/** Gives each node its prefixes of the pod network, one per family of the cluster. The Node objects are the only memory. */
import { Node } from '../../api/core/v1/node.ts';
import { runController } from '../../client/controller.ts';
import { EventRecorder } from '../../client/events.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { type CIDR, parseCIDR, printCIDR } from '../../lib/ip.ts';
import type { ControllerParts, Run } from '../parts.ts';
import { freePrefix } from './free-prefix.ts';

export interface NodeIPAMParts extends ControllerParts {
  /** One per family, the primary family first. */
  readonly clusterCIDRs: readonly CIDR[];
  /** Length of a node's prefix, in bits. */
  readonly nodeMaskSizes: { readonly IPv4: number; readonly IPv6: number };
}

/** Makes the controller; its keys are names of nodes. One worker, so that no two nodes are given the same prefix. */
export function nodeIPAMController(parts: NodeIPAMParts): Run {
  const { client, informers, clock, log, clusterCIDRs, nodeMaskSizes } = parts;
  const queue = new WorkQueue({ clock });
  const nodes = informers.of(Node);
  const waiting = nodes.index((node) => (podCIDRs(node).length === 0 ? ['waiting'] : []));
  const events = new EventRecorder({ ...parts, component: 'nodeipam-controller' });
  /** Given out by us, by name of node; the informer may not have told of it yet. */
  const given = new Map<string, readonly CIDR[]>();
  nodes.onChange(({ key, object }) => {
    if (object === undefined) {
      given.delete(key);
      for (const { metadata } of waiting('waiting')) queue.add(metadata.name ?? '');
    } else if (podCIDRs(object).length === 0) {
      queue.add(key);
    } else {
      given.delete(key);
    }
  });

  const reconcile = async (name: string): Promise<void> => {
    const node = nodes.get(name);
    if (node === undefined || node.metadata.deletionTimestamp !== undefined || podCIDRs(node).length > 0) return;
    const taken = [...nodes.list().flatMap(podCIDRs), ...[...given].flatMap(([of, each]) => (of === name ? [] : each))];
    const prefixes: CIDR[] = [];
    for (const cluster of clusterCIDRs) {
      const prefix = freePrefix(cluster, nodeMaskSizes[cluster.base.family], taken);
      if (prefix === undefined) {
        const message = `no free /${nodeMaskSizes[cluster.base.family]} is left in the cluster CIDR ${printCIDR(cluster)}`;
        events.event(node, 'Warning', 'CIDRNotAvailable', message);
        throw new Error(message);
      }
      prefixes.push(prefix);
    }
    const texts = prefixes.map(printCIDR);
    const [first] = texts;
    given.set(name, prefixes);
    const spec = { ...node.spec, ...(first === undefined ? {} : { podCIDR: first }), podCIDRs: texts };
    await client.update(Node, { ...node, spec });
  };
  return (signal) => runController({ name: 'nodeipam', queue, reconcile, workers: 1, log }, signal);
}

function podCIDRs(node: Node): readonly CIDR[] {
  return (node.spec?.podCIDRs ?? []).map(parseCIDR).filter((cidr) => cidr !== undefined);
}
