/** Says on the MetalLB object how the load balancer is, and heeds how much it wants to be logged. */
import { Lease } from '../../api/coordination/v1/lease.ts';
import { Node } from '../../api/core/v1/node.ts';
import { withConditions } from '../../api/meta/conditions.ts';
import { keyText } from '../../api/meta/v1.ts';
import { ANNOUNCER_LEASE_DURATION, readAnnouncerLease } from '../../api/metallb/v1beta1/announcer-lease.ts';
import { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import { logLevelOf } from '../../api/metallb/v1beta1/log-level.ts';
import { MetalLB } from '../../api/metallb/v1beta1/metallb.ts';
import { METALLB_NAME, METALLB_NAMESPACE } from '../../api/metallb/v1beta1/names.ts';
import { runController } from '../../client/controller.ts';
import { ignoreNotFound } from '../../client/expected.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import type { LogLevel } from '../../host/log.ts';
import { seconds } from '../../lib/duration.ts';
import { equal } from '../equal.ts';
import { poolTable } from '../loadbalancer/pool-table.ts';
import type { ControllerParts, Run } from '../parts.ts';
import { conditionsOf } from './conditions.ts';
import { Lives } from './lives.ts';

/** The only key: there is at most one MetalLB object. */
const KEY = keyText({ namespace: METALLB_NAMESPACE, name: METALLB_NAME });
/** Silence has to be looked for. */
const LOOK_EVERY = seconds(5);

export interface MetalLBParts extends ControllerParts {
  /** Is told how much is to be logged; undefined: the object does not say, or there is none. */
  readonly setLogLevel?: (level: LogLevel | undefined) => void;
}

export function metalLBController(parts: MetalLBParts): Run {
  const { client, informers, clock, log, setLogLevel = () => {} } = parts;
  const metallbs = informers.of(MetalLB, { optional: true });
  const pools = informers.of(IPAddressPool, { optional: true });
  const nodes = informers.of(Node);
  const queue = new WorkQueue({ clock });
  const lives = new Lives();
  const started = clock.steady();
  metallbs.onChange(({ key, object }) => {
    if (key !== KEY) return;
    setLogLevel(logLevelOf(object));
    queue.add(KEY);
  });
  pools.onChange(({ object, previous }) => {
    if (!equal(object?.spec, previous?.spec)) queue.add(KEY);
  });
  nodes.onChange(({ object, previous }) => {
    if (object === undefined || previous === undefined) queue.add(KEY);
  });
  informers.of(Lease).onChange(({ object, previous }) => {
    const lease = object && readAnnouncerLease(object);
    const gone = object === undefined && previous && readAnnouncerLease(previous);
    if (gone) lives.forget(gone.node);
    if (gone || (lease !== undefined && lives.note(lease, clock))) queue.add(KEY);
  });

  const reconcile = async (): Promise<void> => {
    const metallb = metallbs.get(KEY);
    if (metallb === undefined) return;
    const now = clock.now();
    const table = poolTable(pools.list());
    const wanted = conditionsOf({
      // A lease outlives its node.
      announcers: new Map([...lives.all(clock.steady())].filter(([node]) => nodes.get(node) !== undefined)),
      waited: clock.steady() - started >= ANNOUNCER_LEASE_DURATION,
      problems: table.problems,
    });
    const conditions = withConditions(metallb.status?.conditions, wanted, now);
    if (!equal(conditions, metallb.status?.conditions ?? [])) {
      const status = { ...metallb.status, conditions };
      await client.updateStatus(MetalLB, { ...metallb, status }).catch(ignoreNotFound);
    }
    queue.addAfter(KEY, LOOK_EVERY);
  };
  return (signal) => runController({ name: 'metallb', queue, reconcile, workers: 1, log }, signal);
}
