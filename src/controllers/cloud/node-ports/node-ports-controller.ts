/** Tells providers which bare node ports to let through. */
import { Node } from '../../../api/core/v1/node.ts';
import { Service } from '../../../api/core/v1/service.ts';
import { runController } from '../../../client/controller.ts';
import { EventRecorder } from '../../../client/events.ts';
import { WorkQueue } from '../../../client/work-queue.ts';
import { type Duration, seconds } from '../../../lib/duration.ts';
import { equal } from '../../equal.ts';
import type { ControllerParts, Run } from '../../parts.ts';
import { backendFacts } from '../balancers/backends.ts';
import { Waits, type WaitsOptions } from '../balancers/waits.ts';
import type { LoadBalancerProvider, NodePortRule } from '../provider.ts';
import { nodePortRules } from './node-ports.ts';

/** Lists of rules are shared and are written as a whole: changes that come together are one write. */
const GRACE: Duration = seconds(1);

export interface NodePortsParts extends ControllerParts, WaitsOptions {
  readonly providers: readonly LoadBalancerProvider[];
  /** Prefixes of those who may come to bare node ports; none of a family: nothing is opened for it. */
  readonly nodePortSources: readonly string[];
}

/** Makes the controller; its keys are names of providers. What each Service asks for is kept change by change. */
export function nodePortsController(parts: NodePortsParts): Run {
  const { client, informers, clock, log, providers, nodePortSources } = parts;
  const services = informers.of(Service);
  const nodes = informers.of(Node);
  const queue = new WorkQueue({ clock });
  const events = new EventRecorder({ client, component: 'service-controller', clock, log });
  const waits = new Waits(parts);
  const rules = new Map<string, readonly NodePortRule[]>();
  const able = providers.filter(({ ensureNodePorts }) => ensureNodePorts !== undefined);
  const changed = () => {
    for (const { name } of able) queue.addAfter(name, GRACE);
  };
  services.onChange(({ key, object }) => {
    const next = object === undefined ? [] : nodePortRules(object, nodePortSources);
    if (equal(next, rules.get(key) ?? [])) return;
    if (next.length > 0) rules.set(key, next);
    else rules.delete(key);
    changed();
  });
  nodes.onChange(({ object, previous }) => {
    const facts = (node: Node | undefined) => (node === undefined ? '' : backendFacts([node], { labels: false }));
    if (facts(object) !== facts(previous)) changed();
  });

  const reconcile = async (name: string, signal: AbortSignal): Promise<void> => {
    const provider = able.find((each) => each.name === name);
    if (provider?.ensureNodePorts === undefined) return;
    // A provider that fails is left alone for as long as after the failure; news do not hurry it.
    const rest = waits.rest(name, clock.steady());
    if (rest > 0) return queue.addAfter(name, rest);
    const staying = nodes.list().filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    try {
      const problems = await provider.ensureNodePorts(sorted(rules), staying);
      for (const { owner, reason, why } of problems) {
        const service = services.get(owner);
        if (service !== undefined) events.event(service, 'Warning', reason, why);
      }
      queue.addAfter(name, waits.succeeded(name));
    } catch (err) {
      if (signal.aborted) return;
      const again = waits.failed(name, err, clock.steady());
      log.warn({ controller: 'cloud', provider: name, err, retryInMs: again }, 'cannot open node ports; will retry');
      queue.addAfter(name, again);
    }
  };
  return async (signal) => {
    // Also where there are none: what was opened before this process was started may have to be closed.
    changed();
    const work = (key: string) => reconcile(key, signal);
    await runController({ name: 'cloud node ports', queue, reconcile: work, workers: able.length || 1, log }, signal);
  };
}

/** By owner, so that the same Services are the same rules. */
function sorted(rules: ReadonlyMap<string, readonly NodePortRule[]>): readonly NodePortRule[] {
  return [...rules].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, own]) => own);
}
