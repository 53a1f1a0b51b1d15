/** Says of ServiceCIDRs that they are ready, and keeps those that are deleted until no address of them is in use. */
import { Service } from '../../api/core/v1/service.ts';
import { IPAddress } from '../../api/networking/v1/ipaddress.ts';
import { ServiceCIDR } from '../../api/networking/v1/servicecidr.ts';
import { runController } from '../../client/controller.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { milliseconds, seconds } from '../../lib/duration.ts';
import type { ControllerParts, Run } from '../parts.ts';
import { blocked, dependents, guarded, ready, released } from './desired.ts';

/** The addresses that the server gives to Services; others may reserve some by hand, and those need no range. */
const OURS = 'ipaddress.kubernetes.io/managed-by=ipallocator.k8s.io';
/** After a Service gave addresses back, for the others that are being deleted with it. */
const SOON = milliseconds(200);
/** For addresses that no Service has: nobody tells us that they go. */
const LATER = seconds(10);

/** Makes the controller; its keys are names of ServiceCIDRs. */
export function serviceCIDRController({ client, informers, clock, log }: ControllerParts): Run {
  const queue = new WorkQueue({ clock });
  const ranges = informers.of(ServiceCIDR);
  const leaving = ranges.index(({ metadata }) => (metadata.deletionTimestamp === undefined ? [] : ['leaving']));
  ranges.onChange(({ key }) => {
    queue.add(key);
    // A range that comes may take over the addresses of one that wants to go.
    for (const { metadata } of leaving('leaving')) queue.add(metadata.name ?? '');
  });
  informers.of(Service).onChange(({ previous }) => {
    if (previous === undefined) return;
    for (const { metadata } of leaving('leaving')) queue.addAfter(metadata.name ?? '', SOON);
  });

  const reconcile = async (name: string): Promise<void> => {
    const range = ranges.get(name);
    if (range === undefined) return;
    if (range.metadata.deletionTimestamp === undefined) {
      const kept = guarded(range);
      const current = kept === range ? range : await client.update(ServiceCIDR, kept);
      await writeStatus(current, ready(current, clock.now()));
      return;
    }
    // Asked of the server: once a range is marked, none of its addresses is given any more, so what is not in this list
    // will not come either. An informer of addresses might not have told of the last ones.
    const { items } = await client.list(IPAddress, { labelSelector: OURS });
    const using = dependents(range, ranges.list(), items);
    if (using.length === 0) {
      await client.update(ServiceCIDR, released(range));
      return;
    }
    await writeStatus(range, blocked(range, using, clock.now()));
    queue.addAfter(name, LATER);
  };
  const writeStatus = async (range: ServiceCIDR, wanted: ServiceCIDR): Promise<void> => {
    if (wanted !== range) await client.updateStatus(ServiceCIDR, wanted);
  };
  return (signal) => runController({ name: 'servicecidr', queue, reconcile, workers: 1, log }, signal);
}
