/** What is told of announcements: ServiceL2Status, Events, metrics and `postern l2 status`. */
import assert from 'node:assert/strict';
import { ServiceL2Status } from '../../../src/api/metallb/v1beta1/servicel2status.ts';
import { PROGRAM } from '../../../src/cli/wiring/defaults.ts';
import { runCommand } from '../../../src/host/process.ts';
import { answeredByOne, answerers } from './judges.ts';
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

  story(
    'postern l2 status tells it of all nodes, by their announcers and by the API, and nothing is wrong',
    async () => {
      const { world } = stories;
      const addresses = Object.values(await world.addressesOf('web'));
      const [by4, by6] = await answeredByOne(world, addresses);
      const announcers = await statusOf(['--data-dir', world.dir]);
      for (const [i, node] of [by4, by6].entries()) {
        assert.match(
          announcers,
          new RegExp(`^${addresses[i]} +${node} +(ARP|NDP) +${LINK} +\\S+ +${NAMESPACE}/web$`, 'm'),
        );
      }
      for (const [a, b] of ['node1 +node2', 'node2 +node3', 'node3 +node1'].map((pair) => pair.split(' +'))) {
        assert.match(announcers, new RegExp(`^${a} +${b} +heard `, 'm'));
      }
      const cluster = await statusOf(['--kubeconfig', world.kubeconfig]);
      assert.match(cluster, new RegExp(`^${NAMESPACE}/web +${addresses.join(', ')} `, 'm'));
      for (const { name } of world.nodes) assert.match(cluster, new RegExp(`^${name} +fresh .* UDP \\d+ `, 'm'));
    },
  );

  story(
    'what is announced, asked, answered and told unasked is counted, under the names that MetalLB has',
    async () => {
      const { world } = stories;
      for (const address of Object.values(await world.addressesOf('web'))) {
        const [node = ''] = await answeredByOne(world, [address]);
        const metrics = await world.at(node, ['curl', '-sS', 'http://127.0.0.1:7472/metrics']);
        const value = (name: string) =>
          Number(new RegExp(`^${name}\\{[^}]*ip="${address}"\\} (\\d+)$`, 'm').exec(metrics)?.[1]);
        assert.equal(value('metallb_speaker_announced'), 1);
        for (const what of ['requests_received', 'responses_sent', 'gratuitous_sent']) {
          assert.ok(value(`metallb_layer2_${what}`) > 0, `${what} of ${address} in\n${metrics}`);
        }
      }
    },
  );
}

async function statusOf(flags: readonly string[]): Promise<string> {
  return (await runCommand([PROGRAM, 'l2', 'status', ...flags])).stdout;
}
