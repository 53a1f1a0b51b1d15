/** Says on a Service why it has no endpoints or no announcer: in a condition, and in an Event for `kubectl describe`. */
import { Lease } from '../../api/coordination/v1/lease.ts';
import { Node } from '../../api/core/v1/node.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import { Service } from '../../api/core/v1/service.ts';
import { EndpointSlice, serviceKeysOf } from '../../api/discovery/v1/endpointslice.ts';
import { VirtualMachine } from '../../api/kubevirt/v1/virtualmachine.ts';
import { VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { findCondition, withCondition } from '../../api/meta/conditions.ts';
import { type KubeObject, keyOf, keyText } from '../../api/meta/v1.ts';
import { nodeObstacle } from '../../api/metallb/v1beta1/announcers.ts';
import { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import { L2Advertisement } from '../../api/metallb/v1beta1/l2advertisement.ts';
import { MetalLB } from '../../api/metallb/v1beta1/metallb.ts';
import { METALLB_NAME, METALLB_NAMESPACE } from '../../api/metallb/v1beta1/names.ts';
import { runController } from '../../client/controller.ts';
import { EventRecorder } from '../../client/events.ts';
import { ignoreNotFound } from '../../client/expected.ts';
import type { Informer } from '../../client/informer.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { paced } from '../../host/paced.ts';
import { milliseconds, seconds } from '../../lib/duration.ts';
import { selection } from '../endpointslice/selection.ts';
import { equal } from '../equal.ts';
import type { ControllerParts, Run } from '../parts.ts';
import { announcersOf } from './announcers.ts';
import {
  ANNOUNCER_FOUND,
  announcerCondition,
  ENDPOINTS_READY,
  endpointsCondition,
  hasReadyEndpoint,
  type WantedCondition,
} from './conditions.ts';
import { MAKERS, type Maker, podMaker } from './pod-makers.ts';
import { instanceLabels, templateLabels, whyNoEndpoints } from './why.ts';
import { whyNotAnnounced } from './why-no-address.ts';

/** What starts is not in trouble yet: a Service is looked at so long after what happened. */
const GRACE = seconds(3);
/** Between two writes: thousands of Services without endpoints must not get in the way of those that work. */
const PACE = milliseconds(100);
/** The key of all load balancers together: of them few have anything to be told, and only those wait in the queue. */
const BALANCED = '';
/** Pods that are looked through for one that nearly fits, when none does. */
const CANDIDATES = 200;

/** Makes the controller; its keys are those of Services. One worker: it is in no hurry. */
export function serviceStatusController(parts: ControllerParts): Run {
  const { client, informers, clock, log } = parts;
  const services = informers.of(Service);
  const slices = informers.of(EndpointSlice);
  const pods = informers.of(Pod);
  const nodes = informers.of(Node);
  // Alone it may follow a server that has no load balancer, or no virtual machines.
  const pools = informers.of(IPAddressPool, { optional: true });
  const advertisements = informers.of(L2Advertisement, { optional: true });
  const metallbs = informers.of(MetalLB, { optional: true });
  const vms = informers.of(VirtualMachine, { optional: true });
  const vmis = informers.of(VirtualMachineInstance, { optional: true });
  const makers = MAKERS.map((kind) => {
    const informer: Informer<Maker> = informers.of<Maker>(kind, { optional: true });
    return { informer, name: kind.singular, of: byNamespace(informer) };
  });
  const makersIn = (namespace: string) =>
    makers.flatMap(({ name, of }) => of(namespace).flatMap((maker) => podMaker(name, maker)));
  const inNamespace = {
    pods: byNamespace(pods),
    vms: byNamespace(vms),
    vmis: byNamespace(vmis),
  };
  const slicesOf = slices.index((slice) => serviceKeysOf(slice));
  const balanced = services.index((service) => (service.spec?.type === 'LoadBalancer' ? ['balanced'] : []));
  const { servicesFor, podsOf } = selection(services, pods);
  const candidates = (service: Service, namespace: string) => {
    const selected = podsOf(service);
    return selected.length > 0 ? selected : inNamespace.pods(namespace).slice(0, CANDIDATES);
  };
  const queue = new WorkQueue({ clock });
  const events = new EventRecorder({ client, component: 'postern-service-status', clock, log });

  const isLacking = (service: Service) => {
    const told = findCondition(service.status?.conditions, ENDPOINTS_READY)?.status === 'False';
    return told || !hasReadyEndpoint(slicesOf(keyText(keyOf(service))));
  };
  const look = (of: readonly Service[]) => {
    for (const service of of) if (isLacking(service)) queue.addAfter(keyText(keyOf(service)), GRACE);
  };
  const lookAtBalanced = () => queue.addAfter(BALANCED, GRACE);
  services.onChange(({ object, previous }) => {
    if (object === undefined) return;
    look([object]);
    if (!equal(object.status?.loadBalancer, previous?.status?.loadBalancer))
      queue.addAfter(keyText(keyOf(object)), GRACE);
  });
  slices.onChange(({ object, previous }) => {
    const of = serviceKeysOf(object, previous).flatMap((key) => services.get(key) ?? []);
    look(of);
    for (const service of of) if (restsOnPlaces(service)) queue.addAfter(keyText(keyOf(service)), GRACE);
  });
  const follow = <T extends KubeObject>(informer: Informer<T>, labelsOf: (object: T) => Labels) =>
    informer.onChange(({ object, previous }) => {
      for (const each of [object, previous]) if (each) look(servicesFor(each.metadata.namespace, labelsOf(each)));
    });
  follow(pods, ({ metadata }) => metadata.labels);
  follow(vms, templateLabels);
  follow(vmis, instanceLabels);
  for (const { informer } of makers) follow(informer, ({ spec }) => spec.template.metadata?.labels);
  pools.onChange(({ object, previous }) => {
    if (!equal(object?.spec, previous?.spec)) lookAtBalanced();
  });
  advertisements.onChange(lookAtBalanced);
  metallbs.onChange(({ object, previous }) => {
    if (!equal(object?.spec, previous?.spec)) lookAtBalanced();
  });
  const announcers = announcersOf(informers.of(Lease), clock, lookAtBalanced);
  nodes.onChange(({ object, previous }) => {
    if (!equal(announcerFacts(object), announcerFacts(previous))) lookAtBalanced();
  });

  const announcerFindings = (service: Service) =>
    whyNotAnnounced(service, {
      slices: slicesOf(keyText(keyOf(service))),
      nodes: nodes.list(),
      pools: pools.list(),
      advertisements: advertisements.list(),
      metallb: metallbs.get({ namespace: METALLB_NAMESPACE, name: METALLB_NAME }),
      announcers: announcers.list(),
      now: clock.now(),
    });
  const lookAtAllBalanced = async () => {
    const pace = paced();
    for (const service of balanced('balanced')) {
      if (announcerCondition(service, announcerFindings(service)) !== undefined) queue.add(keyText(keyOf(service)));
      await pace();
    }
  };

  const reconcile = async (key: string, signal: AbortSignal): Promise<void> => {
    if (key === BALANCED) return lookAtAllBalanced();
    const service = services.get(key);
    if (service === undefined || service.metadata.deletionTimestamp !== undefined) return;
    const { namespace = '' } = service.metadata;
    const own = slicesOf(key);
    const hasReady = hasReadyEndpoint(own);
    const findings = hasReady
      ? []
      : whyNoEndpoints({
          service,
          slices: own,
          nodes: nodes.list(),
          pods: candidates(service, namespace),
          vms: inNamespace.vms(namespace),
          vmis: inNamespace.vmis(namespace),
          makers: makersIn(namespace),
        });
    const wanted = [
      endpointsCondition(service, hasReady, findings),
      announcerCondition(service, announcerFindings(service)),
    ].filter((condition) => condition !== undefined);
    if (wanted.length === 0) return;
    await write(service, wanted, parts);
    for (const { type, status, reason = '', message = '' } of wanted) {
      if (status === 'False') events.event(service, 'Warning', reason, message);
      else if (type === ENDPOINTS_READY) events.event(service, 'Normal', reason, 'it has a ready endpoint again');
      else events.event(service, 'Normal', reason, 'a node can announce its addresses again');
    }
    await clock.sleep(PACE, signal).catch(() => {}); // At the end there is nothing to pace.
  };
  return async (signal) => {
    const work = (key: string) => reconcile(key, signal);
    const controller = { name: 'servicestatus', queue, reconcile: work, workers: 1, log };
    await Promise.all([announcers.watch(signal), runController(controller, signal)]);
  };
}

type Labels = Readonly<Record<string, string>> | undefined;

function byNamespace<T extends KubeObject>(informer: Informer<T>): (namespace: string) => readonly T[] {
  return informer.index(({ metadata }) => [metadata.namespace ?? '']);
}

/** Whether it matters on which nodes a load balancer's endpoints are, or where it would if somebody announced it. */
function restsOnPlaces({ spec, status }: Service): boolean {
  if (spec?.type !== 'LoadBalancer') return false;
  return (
    spec.externalTrafficPolicy === 'Local' || findCondition(status?.conditions, ANNOUNCER_FOUND)?.status === 'False'
  );
}

/** What of a node decides who may announce; a heartbeat leaves it as it is. */
function announcerFacts(node: Node | undefined): unknown {
  return node && [nodeObstacle(node, undefined), node.metadata.labels];
}

/** Only the conditions named here: others of the status may change meanwhile. */
async function write(
  service: Service,
  wanted: readonly WantedCondition[],
  { client, clock }: ControllerParts,
): Promise<void> {
  const current = service.status?.conditions;
  const types = [ENDPOINTS_READY, ANNOUNCER_FOUND];
  const all = wanted.reduce(
    (conditions, condition) => withCondition(conditions, condition, clock.now()),
    current ?? [],
  );
  const conditions = all.filter(({ type }) => types.includes(type));
  const body = { metadata: { uid: service.metadata.uid }, status: { conditions } };
  await client.patch(Service, keyOf(service), { type: 'strategic', body }, 'status').catch(ignoreNotFound);
}
