/** Follows Services of type LoadBalancer, and the nodes that they lead to. */
import { Node } from '../../api/core/v1/node.ts';
import { Service } from '../../api/core/v1/service.ts';
import { keyOf, keyText } from '../../api/meta/v1.ts';
import { runController } from '../../client/controller.ts';
import { EventRecorder } from '../../client/events.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { paced } from '../../host/paced.ts';
import { seconds } from '../../lib/duration.ts';
import type { ControllerParts, Run } from '../parts.ts';
import { backendFacts, backendNodes } from './backends.ts';
import { nextStep } from './desired.ts';
import { markOf } from './marks.ts';
import type { LoadBalancerProvider } from './provider.ts';
import { type Backends, ensure, mark, remove, type ServeParts } from './serve.ts';
import { Standings } from './standings.ts';
import { SYNC_FAILED } from './status.ts';
import type { WaitsOptions } from './waits.ts';

/** Load balancers that are worked on at the same time. */
const WORKERS = 8;
/** Nodes often change several at a time. */
const NODES_GRACE = seconds(1);
/** The key of the nodes; those of Services have a slash, and those of Services that are gone begin with this. */
const NODES = 'nodes';
const GONE = 'gone ';

export interface BalancersParts extends ControllerParts, WaitsOptions {
  readonly providers: readonly LoadBalancerProvider[];
}

/** Makes the controller; its keys are those of Services. */
export function balancersController(parts: BalancersParts): Run {
  const { client, informers, clock, log, providers } = parts;
  const services = informers.of(Service);
  const nodes = informers.of(Node);
  const queue = new WorkQueue({ clock });
  const pace = paced();
  const concerned = services.index((service) => (isConcerned(service) ? ['concerned'] : []));
  /** Services whose marks went without us: what was made for them must not stay. By UID. */
  const gone = new Map<string, Service>();
  /** Those whose marks we take off ourselves, by UID. */
  const unmarkedByUs = new Set<string>();
  let backends: Backends = { nodes: [], facts: '' };

  const noteLost = (previous: Service, object: Service | undefined) => {
    const { uid = '' } = previous.metadata;
    if (markOf(previous) === undefined) return;
    const isSame = object?.metadata.uid === uid;
    if (isSame && markOf(object) !== undefined) return;
    if (unmarkedByUs.delete(uid)) return;
    if (isSame && nextStep(object, providers).kind !== 'nothing') return;
    gone.set(uid, previous);
    queue.add(GONE + uid);
  };
  services.onChange(({ key, object, previous }) => {
    if (previous !== undefined) noteLost(previous, object);
    if ([object, previous].some((each) => each !== undefined && isConcerned(each))) queue.add(key);
  });
  nodes.onChange(({ object, previous }) => {
    if (object !== undefined && previous !== undefined && sameForBackends(object, previous)) return;
    queue.addAfter(NODES, NODES_GRACE);
  });

  const own: ServeParts = {
    ...{ client, clock, log },
    events: new EventRecorder({ client, component: 'service-controller', clock, log }),
    standings: new Standings(parts),
    later: (key, ms) => queue.addAfter(key, ms),
    unmarking({ metadata: { uid = '' } }, isUnmarking) {
      if (isUnmarking) unmarkedByUs.add(uid);
      else unmarkedByUs.delete(uid);
    },
  };
  const lookAtNodes = () => {
    const all = backendNodes(nodes.list());
    backends = { nodes: all, facts: backendFacts(all, { labels: true }) };
  };
  const backendsOf = (service: Service, provider: LoadBalancerProvider): Backends => {
    if (provider.backends === undefined) return backends;
    const chosen = provider.backends(service, backends.nodes);
    return { nodes: chosen, facts: backendFacts(chosen, { labels: false }) };
  };
  const reconcileGone = async (key: string, signal: AbortSignal) => {
    const service = gone.get(key.slice(GONE.length));
    if (service === undefined) return;
    const named = providers.filter(({ name }) => name === markOf(service));
    await remove(key, { service, providers: named.length > 0 ? named : providers, isGone: true }, own, signal);
    if (own.standings.get(key) === undefined) gone.delete(key.slice(GONE.length));
  };
  const reconcile = async (key: string, signal: AbortSignal): Promise<void> => {
    await pace();
    if (key === NODES) {
      lookAtNodes();
      for (const service of concerned('concerned')) queue.add(keyText(keyOf(service)));
      return;
    }
    if (key.startsWith(GONE)) return reconcileGone(key, signal);
    const service = services.get(key);
    if (service === undefined) return own.standings.forget(key);
    const step = nextStep(service, providers);
    switch (step.kind) {
      case 'nothing':
        return own.standings.forget(key);
      case 'held':
        return own.events.event(service, 'Warning', SYNC_FAILED, step.why);
      case 'remove':
        return remove(key, { service, providers: step.providers, isGone: false }, own, signal);
      case 'mark':
      case 'ensure': {
        const { provider } = step;
        const asked = step.kind === 'ensure' ? service : await mark(service, provider.name, own);
        if (asked === undefined) return;
        await ensure(asked, { provider, backends: backendsOf(asked, provider) }, own, signal);
      }
    }
  };
  return async (signal) => {
    lookAtNodes();
    const work = (key: string) => reconcile(key, signal);
    await runController({ name: 'cloud', queue, reconcile: work, workers: WORKERS, log }, signal);
  };
}

/** Whether a provider may have to do with it, or have had. */
function isConcerned(service: Service): boolean {
  return service.spec?.type === 'LoadBalancer' || markOf(service) !== undefined;
}

/** Whether a change of a node leaves load balancers as they are; a heartbeat does. */
function sameForBackends(a: Node, b: Node): boolean {
  const facts = (node: Node) => [
    backendFacts([node], { labels: true }),
    backendNodes([node]).length,
    node.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True',
  ];
  return facts(a).join(' ') === facts(b).join(' ');
}
