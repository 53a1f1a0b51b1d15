/** What is told of announcements: ServiceL2Status, Events, metrics and `postern l2 status`. */
import assert from 'node:assert/strict';
import { ServiceL2Status } from '../../../src/api/metallb/v1beta1/servicel2status.ts';
import { answerers } from './judges.ts';
import { LINK, macOf } from './lan.ts';
import { METALLB, NAMESPACE } from './objects.ts';
import type { Stories } from './stories.ts';

export function telling(stories: Stories): void {
  const { story } = stories;

  story('a ServiceL2Status names the node and the interface of each announcement', async () => {
    const { world } = stories;
    const { IPv4 } = await world.addressesOf('web');
    const [mac] = await answerers(world, IPv4);
    await world.eventually('the status', async () => {
      const { items } = await world.client.list(ServiceL2Status, { namespace: METALLB });
      const own = items.filter(({ status }) => status?.serviceName === 'web' && status.serviceNamespace === NAMESPACE);
      const macs = await Promise.all(own.map(({ status }) => macOf(world, status?.node ?? '')));
      return macs.includes(mac ?? '') && own.every(({ status }) => status?.interfaces?.[0]?.name === LINK)
        ? true
        : undefined;
    });
    const shown = await world.kubectl(['get', 'servicel2statuses', '-n', METALLB]);
    assert.match(shown, /^NAME +ALLOCATED NODE +SERVICE NAME +SERVICE NAMESPACE/);
    assert.ok(
      (await world.eventsOf('web')).some(
        ({ reason, message }) =>
          reason === 'nodeAssigned' && /announcing from node "node\d" with protocol "layer2"/.test(message ?? ''),
      ),
    );
  });
}
