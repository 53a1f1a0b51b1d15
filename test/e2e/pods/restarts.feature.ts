/** Agents and container runtimes that are killed: what runs goes on, what was begun is finished, and nothing is there twice. */
import assert from 'node:assert/strict';
import type { Stories } from '../stories.ts';
import { WEB } from './images.ts';
import { webDeployment } from './objects.ts';
import type { World } from './world.ts';

const NAME = 'steady';
const REPLICAS = 4;

export function restarts(shared: Stories<World>): void {
  const { story } = shared;

  for (const [what, victim] of [
    ['the agents', 'agent'],
    ['containerd', 'containerd'],
  ] as const) {
    story(`${what} killed with SIGKILL in the middle of a roll-out: it comes to its end`, async () => {
      const { world } = shared;
      await world.apply(webDeployment(NAME, REPLICAS));
      await settled(world);
      await world.kubectl(['set', 'image', `deployment/${NAME}`, `web=${WEB('v2')}`]);
      await world.eventually('a new pod runs', async () =>
        (await images(world)).includes(WEB('v2')) ? true : undefined,
      );
      for (const { name } of world.nodes) world.kill(name, victim);
      await settled(world);
      await world.eventually('only new pods are left, each running once', async () => {
        assert.deepEqual(
          await images(world),
          Array.from({ length: REPLICAS }, () => WEB('v2')),
        );
        assert.equal(await servers(world), REPLICAS);
        return true;
      });
      await world.kubectl(['delete', 'deployment', NAME, '--cascade=foreground']);
    });
  }

  story('a container that runs is not restarted by that', async () => {
    const { world } = shared;
    await world.apply(webDeployment(NAME, 2));
    await settled(world);
    const before = await startTimes(world);
    for (const { name } of world.nodes) {
      world.kill(name, 'agent');
      world.kill(name, 'containerd');
    }
    await world.eventually('the nodes run containers again', async () => {
      const path = 'jsonpath={.items[*].status.conditions[?(@.type=="postern.dev/ContainerRuntimeReady")].status}';
      const ready = await world.kubectl(['get', 'nodes', '-o', path]);
      return ready.split(' ').every((status) => status === 'True') ? true : undefined;
    });
    await world.kubectl(['scale', `deployment/${NAME}`, '--replicas=3']);
    await settled(world);
    const after = await startTimes(world);
    assert.deepEqual(
      before.filter((time) => !after.includes(time)),
      [],
    );
    await world.kubectl(['delete', 'deployment', NAME, '--cascade=foreground']);
  });
}

async function settled(world: World): Promise<void> {
  await world.kubectl(['rollout', 'status', `deployment/${NAME}`, '--timeout=90s'], { timeout: 100_000 });
}

async function images(world: World): Promise<readonly string[]> {
  const path = 'jsonpath={.items[?(@.status.phase=="Running")].spec.containers[0].image}';
  const text = await world.kubectl(['get', 'pods', '-l', `app=${NAME}`, '-o', path]);
  return text.split(' ').filter((image) => image !== '');
}

/** Names and start times of the containers that run. */
async function startTimes(world: World): Promise<readonly string[]> {
  const path =
    'jsonpath={range .items[*]}{.metadata.name} {.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}{"\\n"}{end}';
  return (await world.kubectl(['get', 'pods', '-l', `app=${NAME}`, '-o', path])).trim().split('\n').sort();
}

/** How many servers run, on all nodes: a lab is one PID namespace, and sees those of its containers. */
async function servers(world: World): Promise<number> {
  const count = await world.at(world.nodes[0]?.name ?? '', ['sh', '-c', "pgrep -fc 'httpd -f -p 8[0] ' || true"]);
  return Number(count.trim());
}
