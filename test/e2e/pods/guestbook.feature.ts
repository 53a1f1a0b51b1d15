/** The guestbook of examples/: three tiers of pods, each behind a Service. */
import assert from 'node:assert/strict';
import type { Stories } from '../stories.ts';
import type { World } from './world.ts';

const MANIFESTS = ['redis-leader', 'redis-follower', 'frontend'].flatMap((name) => [
  '-f',
  `examples/guestbook/${name}.yaml`,
]);
const FOLLOWERS = { labels: 'app=redis,role=follower' };

export function guestbook(shared: Stories<World>): void {
  const { story } = shared;

  story('the guestbook applies as it is published, and every deployment comes up', async () => {
    const { world } = shared;
    await world.kubectl(['apply', ...MANIFESTS]);
    for (const name of ['redis-leader', 'redis-follower', 'frontend']) {
      const said = await world.kubectl(['rollout', 'status', `deployment/${name}`, '--timeout=60s']);
      assert.match(said, /successfully rolled out/);
    }
  });

  story('what a client writes at the front end is read back through the back end, on every node', async () => {
    const { world } = shared;
    const port = await world.kubectl(['get', 'service', 'frontend', '-o', 'jsonpath={.spec.ports[0].nodePort}']);
    const [node] = world.nodes;
    const at = (address: string, query: string) =>
      world.at('client', ['curl', '-sS', '--max-time', '10', `http://${address}:${port}/cgi-bin/guestbook?${query}`]);
    assert.match(await at(node?.addresses[0] ?? '', 'set=hello-there'), /stored/);
    for (const [address = ''] of world.nodes.map(({ addresses }) => addresses)) {
      assert.match(await at(address, 'get'), /^hello-there\nredis-follower-/);
    }
  });

  story('a headless Service names the pods of the back end one by one', async () => {
    const { world } = shared;
    const pods = await world.kubectl([
      'get',
      'pods',
      '-l',
      FOLLOWERS.labels,
      '-o',
      'jsonpath={.items[*].status.podIP}',
    ]);
    const [frontend = ''] = (
      await world.kubectl(['get', 'pods', '-l', 'tier=frontend', '-o', 'jsonpath={.items[*].metadata.name}'])
    ).split(' ');
    const answer = await world.kubectl([
      'exec',
      frontend,
      '--',
      'nslookup',
      'redis-followers.default.svc.cluster.local',
    ]);
    const found = pods.split(' ').filter((address) => answer.includes(`Address: ${address}`));
    assert.equal(found.length, 2, `${pods} in ${answer}`);
  });

  story('nothing of it is left when it is deleted', async () => {
    const { world } = shared;
    await world.kubectl(['delete', ...MANIFESTS, '--wait=true']);
    await world.eventually('its pods are gone', async () => {
      const left = await world.kubectl(['get', 'pods', '-l', 'app in (redis,guestbook)', '-o', 'name']);
      return left === '' ? true : undefined;
    });
  });
}
