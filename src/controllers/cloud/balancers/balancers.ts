/** Follows Services of type LoadBalancer, and the nodes that they lead to. */
import { Service } from '../../../api/core/v1/service.ts';
import { keyOf, keyText } from '../../../api/meta/v1.ts';
import { runController } from '../../../client/controller.ts';
import { EventRecorder } from '../../../client/events.ts';
import { WorkQueue } from '../../../client/work-queue.ts';
import { paced } from '../../../host/paced.ts';
import { seconds } from '../../../lib/duration.ts';
import { Contests } from '../../contests.ts';
import type { ControllerParts, Run } from '../../parts.ts';
import type { LoadBalancerProvider } from '../provider.ts';
import { nextStep } from './desired.ts';
import { followNodes } from './followed-nodes.ts';
import { Lost } from './lost.ts';
import { markOf } from './marks.ts';
import { remove } from './remove.ts';
import { ensure, mark, type ServeParts } from './serve.ts';
import { Standings } from './standings.ts';
import { SYNC_FAILED } from './status.ts';
import type { WaitsOptions } from './waits.ts';

/** Load balancers that are worked on at the same time. */
const WORKERS = 8;
/** Nodes often change several at a time. */
const NODES_GRACE = seconds(1);
/** The key of the nodes; those of Services have a slash, and those of Services that lost their marks begin with this. */
const NODES = 'nodes';
const LOST = 'lost ';

export interface BalancersParts extends ControllerParts, WaitsOptions {
  readonly providers: readonly LoadBalancerProvider[];
}

/** Makes the controller; its keys are those of Services. */
export function balancersController(parts: BalancersParts): Run {
  const { client, informers, clock, log, providers } = parts;
  const services = informers.of(Service);
  const queue = new WorkQueue({ clock });
  const pace = paced();
  const lost = new Lost();
  const nodes = followNodes(informers, () => queue.addAfter(NODES, NODES_GRACE));
  const concerned = services.index((service) => (isConcerned(service) ? ['concerned'] : []));
  const isOurs = (service: Service) => nextStep(service, providers).kind !== 'nothing';
  services.onChange(({ key, object, previous }) => {
    const uid = previous && lost.note(previous, object, isOurs);
    if (uid !== undefined) queue.add(LOST + uid);
    if ([object, previous].some((each) => each !== undefined && isConcerned(each))) queue.add(key);
  });
  const own: ServeParts = {
    ...{ client, clock, log, lost, contests: new Contests() },
    events: new EventRecorder({ client, component: 'service-controller', clock, log }),
    standings: new Standings(parts),
    later: (key, ms) => queue.addAfter(key, ms),
  };

  const lookAtNodes = () => {
    nodes.refresh();
    for (const service of concerned('concerned')) queue.add(keyText(keyOf(service)));
  };
  const removeLost = async (uid: string, signal: AbortSignal) => {
    const service = lost.get(uid);
    if (service === undefined) return;
    const named = providers.filter(({ name }) => name === markOf(service));
    const removal = { service, providers: named.length > 0 ? named : providers, isLost: true };
    if (await remove(LOST + uid, removal, own, signal)) lost.forget(uid);
  };
  const reconcile = async (key: string, signal: AbortSignal): Promise<void> => {
    await pace();
    if (key === NODES) return lookAtNodes();
    if (key.startsWith(LOST)) return removeLost(key.slice(LOST.length), signal);
    const service = services.get(key);
    const step = service && nextStep(service, providers);
    if (service === undefined || step === undefined || step.kind === 'nothing') {
      own.contests.forget(key);
      return own.standings.forget(key);
    }
    switch (step.kind) {
      case 'held':
        return own.events.event(service, 'Warning', SYNC_FAILED, step.why);
      case 'remove':
        return void (await remove(key, { service, providers: step.providers, isLost: false }, own, signal));
      case 'mark':
      case 'ensure': {
        const { provider } = step;
        const asked = step.kind === 'ensure' ? service : await mark(service, provider.name, own);
        if (asked === undefined) return;
        await ensure(asked, { provider, backends: nodes.of(asked, provider) }, own, signal);
      }
    }
  };
  return async (signal) => {
    nodes.refresh();
    const work = (key: string) => reconcile(key, signal);
    await runController({ name: 'cloud', queue, reconcile: work, workers: WORKERS, log }, signal);
  };
}

/** Whether a provider may have to do with it, or have had. */
function isConcerned(service: Service): boolean {
  return service.spec?.type === 'LoadBalancer' || markOf(service) !== undefined;
}
