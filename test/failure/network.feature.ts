/** Links between nodes, and between nodes and servers, that lose all or some of what passes, both ways and one way. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { labCut } from '../../src/lab/lab.ts';
import { PORT } from '../e2e/l2/objects.ts';
import type { Stories } from './stories.ts';
import { ENTRANCE } from './world.ts';

/** Milliseconds that a cut lasts at least: several leases and heartbeats. */
const WHILE = 6_000;
const LOSS = 5;

export function cutNodes(stories: Stories): void {
  for (const [which, oneWay] of [
    ['that cannot hear each other', false],
    ['of which only one hears the other', true],
  ] as const) {
    stories.story(`two nodes ${which} are both served, and serve`, async () => {
      const { world } = stories;
      await labCut({ dir: world.dir, from: ['node2'], to: ['node3'], oneWay });
      await sleep(WHILE);
      world.assertNothingLost();
      assert.deepEqual(await world.notReady(), []);
    });
  }
}

export function lossyNodes(stories: Stories): void {
  stories.story(`with ${LOSS} % loss between nodes every request is answered, if later`, async () => {
    const { world } = stories;
    const others = world.lan.nodes.map(({ name }) => name).filter((name) => name !== ENTRANCE);
    await labCut({ dir: world.dir, from: others, to: others, loss: LOSS });
    const [asker = ''] = others;
    const said = await world.lan.at(asker, ['bash', '-c', ASK, 'ask', world.clusterIP, String(PORT)]);
    assert.equal(said, 'answered 40\n');
  });
}

/** Forty connections one after the other, each of which is asked and may take ten seconds: TCP sends again what is lost. */
const ASK = `
answered=0
for i in $(seq 40); do
  if timeout 10 bash -c 'exec 3<>"/dev/tcp/$1/$2" && echo "$3" >&3 && read -r line <&3' ask "$1" "$2" "$i"; then
    answered=$((answered + 1))
  fi
done
echo "answered $answered"
`;

export function cutFromServers(stories: Stories): void {
  const servers = ['server1', 'server2', 'server3'];
  const cases = [
    ['cut off from all servers', { from: [ENTRANCE], to: servers }],
    ['that all servers are heard by, but do not hear', { from: [ENTRANCE], to: servers, oneWay: true }],
    ['that hears no server', { from: servers, to: [ENTRANCE], oneWay: true }],
  ] as const;
  for (const [which, cut] of cases) {
    stories.story(`a node ${which} goes on forwarding, and is there again afterwards`, async () => {
      const { world } = stories;
      await labCut({ dir: world.dir, ...cut });
      await sleep(WHILE);
      world.assertNothingLost();
    });
  }
}

export function cutServers(stories: Stories): void {
  stories.story('a server that the others cannot hear writes nothing, and they go on', async () => {
    const { world } = stories;
    const [lonely, ...others] = world.servers;
    assert.ok(lonely);
    await labCut({ dir: world.dir, from: [lonely.name], to: others.map(({ name }) => name) });
    for (const server of others) {
      await world.lan.eventually(`${server.name} writes`, () =>
        world.write(server, `together-${server.name}`).catch(() => undefined),
      );
    }
    await assert.rejects(world.write(lonely, 'alone'), /etcd/);
    await assert.rejects(world.names(lonely), /etcd/);
    world.assertNothingLost();
  });
}

export function lossy(stories: Stories): void {
  stories.story(`with ${LOSS} % loss between nodes and servers all goes on, if later`, async () => {
    const { world } = stories;
    const servers = world.servers.map(({ name }) => name);
    const nodes = world.lan.nodes.map(({ name }) => name);
    await labCut({ dir: world.dir, from: servers, to: nodes, loss: LOSS });
    await labCut({ dir: world.dir, from: servers, to: servers, loss: LOSS });
    const until = performance.now() + WHILE;
    for (let i = 0; performance.now() < until; i++) {
      for (const server of world.servers) {
        const name = `lossy-${server.name}-${i}`;
        await world.lan.eventually(`${server.name} writes`, () => world.write(server, name).catch(() => undefined));
      }
    }
    assert.deepEqual(await world.notReady(), []);
    world.assertNothingLost();
  });
}
