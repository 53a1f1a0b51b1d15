/** Which node announces an address: as arping and ndisc6 see it from the client's place, in both families. */
import assert from 'node:assert/strict';
import { Service } from '../../../src/api/core/v1/service.ts';
import { MetalLB } from '../../../src/api/metallb/v1beta1/metallb.ts';
import { answeredBy, answeredByOne, answerers } from './judges.ts';
import { LINK, macOf } from './lan.ts';
import { advertisement, asking, METALLB, NAMESPACE, pool } from './objects.ts';
import type { Stories } from './stories.ts';

/** Addresses that stories ask for by name. */
const GONE = ['192.168.77.221', 'fd00:77::221'];
const CHOSEN = ['192.168.77.231', 'fd00:77::231'];
const LATE = ['192.168.77.230', 'fd00:77::230'];
const UNASSIGNED = ['192.168.77.229', 'fd00:77::229'];
const HOSTNAME = 'kubernetes.io/hostname';

export function announcing(stories: Stories): void {
  const { story } = stories;

  story('an address is answered for by exactly one node, with its MAC, and nobody answers for others', async () => {
    const { world } = stories;
    await world.apply(
      pool('lan', ['192.168.77.220-192.168.77.229', 'fd00:77::220-fd00:77::229']),
      advertisement('lan', { ipAddressPools: ['lan'] }),
    );
    await answeredByOne(world, Object.values(await world.serve('web')));
    for (const address of UNASSIGNED) assert.deepEqual(await answerers(world, address), []);
  });

  story(
    'the group in which an IPv6 address is asked for is joined where it is announced, and left with it',
    async () => {
      const { world } = stories;
      await world.serve('gone', asking(GONE));
      const [, announcer] = await answeredByOne(world, GONE);
      const members = async () => {
        const shown = await Promise.all(
          world.nodes.map(({ name }) => world.at(name, ['ip', 'maddress', 'show', LINK])),
        );
        return world.nodes.filter((_, i) => shown[i]?.includes('33:33:ff:00:02:21')).map(({ name }) => name);
      };
      assert.deepEqual(await members(), [announcer]);
      await world.client.delete(Service, { namespace: NAMESPACE, name: 'gone' });
      await answeredBy(world, GONE);
      assert.deepEqual(await members(), []);
    },
  );

  story('with policy Local, an endpoint that moves takes the announcement along', async () => {
    const { world } = stories;
    const addresses = Object.values(await world.serve('local', { on: ['node3'] }));
    await answeredBy(world, addresses, 'node3');
    await world.moveEndpoints('local', ['node1']);
    await answeredBy(world, addresses, 'node1');
    await world.moveEndpoints('local', []);
    await answeredBy(world, addresses);
  });

  story('nodes and Services are chosen by the selectors of advertisements', async () => {
    const { world } = stories;
    await world.apply(
      pool(
        'chosen',
        CHOSEN.map((ip) => `${ip}-${ip}`),
        { autoAssign: false },
      ),
      advertisement('chosen', {
        ipAddressPools: ['chosen'],
        nodeSelectors: [{ matchLabels: { [HOSTNAME]: 'node2' } }],
        serviceSelectors: [{ matchLabels: { announce: 'yes' } }],
      }),
    );
    await world.serve('chosen', asking(CHOSEN));
    await answeredBy(world, CHOSEN);
    await world.kubectl(['label', '-n', NAMESPACE, 'service', 'chosen', 'announce=yes']);
    await answeredBy(world, CHOSEN, 'node2');
  });

  story('the MetalLB object says which nodes take part at all, and how the load balancer is', async () => {
    const { world } = stories;
    const addresses = Object.values(await world.serve('anywhere'));
    const metallb = { namespace: METALLB, name: 'metallb' };
    await world.apply({
      apiVersion: 'metallb.io/v1beta1',
      kind: 'MetalLB',
      metadata: metallb,
      ...{ spec: { nodeSelector: { [HOSTNAME]: 'node3' } } },
    });
    await answeredBy(world, addresses, 'node3');
    await world.kubectl(['wait', '-n', METALLB, 'metallb/metallb', '--for=condition=Available', '--timeout=10s']);
    await world.client.delete(MetalLB, metallb);
    await answeredByOne(world, addresses);
  });

  story('an interface that is named, and appears later, is announced on by its own MAC', async () => {
    const { world } = stories;
    await world.apply(
      pool(
        'late',
        LATE.map((ip) => `${ip}-${ip}`),
        { autoAssign: false },
      ),
      advertisement('late', { ipAddressPools: ['late'], interfaces: ['late0'] }),
    );
    await world.serve('late', { ...asking(LATE), on: ['node2'] });
    await answeredBy(world, LATE);
    await world.at('node2', ['ip', 'link', 'add', 'late0', 'link', LINK, 'up', 'type', 'macvlan', 'mode', 'bridge']);
    const mac = await macOf(world, 'node2', 'late0');
    for (const address of LATE) {
      await world.eventually(`${address} is answered for with ${mac}`, async () =>
        (await answerers(world, address)).join() === mac ? true : undefined,
      );
    }
  });
}
