/** Deployments whose pods are replaced, scaled and taken back under load: no request is lost. */
import assert from 'node:assert/strict';
import type { Stories } from '../stories.ts';
import { WEB } from './images.ts';
import type { Answer } from './load.ts';
import { webDeployment, webService } from './objects.ts';
import type { World } from './world.ts';

const NAME = 'web';
const PER_SECOND = 200;

export function rollouts(shared: Stories<World>): void {
  const { story } = shared;

  story('a rolling update of ten pods loses none of 200 requests a second, in both families', async () => {
    const { world } = shared;
    await world.apply(webDeployment(NAME, 10), webService(NAME));
    await settled(world);
    const answers = await during(world, async () => {
      await world.kubectl(['set', 'image', `deployment/${NAME}`, `web=${WEB('v2')}`]);
      await settled(world);
    });
    assertNoneLost(answers);
    const versions = new Set(answers.map(({ text }) => text.split(' ')[0]));
    assert.deepEqual([...versions].sort(), ['v1', 'v2']);
    assert.match(answers.at(-1)?.text ?? '', /^v2 /);
  });

  story('scaled from 10 to 1, to 10 and to 3, it loses none either', async () => {
    const { world } = shared;
    const answers = await during(world, async () => {
      for (const replicas of [1, 10, 3]) {
        await world.kubectl(['scale', `deployment/${NAME}`, `--replicas=${replicas}`]);
        await settled(world);
        await world.eventually(`${replicas} pods are left`, async () => {
          const pods = await world.kubectl(['get', 'pods', '-l', `app=${NAME}`, '-o', 'name']);
          return pods.trim().split('\n').length === replicas ? true : undefined;
        });
      }
    });
    assertNoneLost(answers);
  });

  story('it is rolled back to the revision before', async () => {
    const { world } = shared;
    const answers = await during(world, async () => {
      await world.kubectl(['rollout', 'undo', `deployment/${NAME}`]);
      await settled(world);
    });
    const history = await world.kubectl(['rollout', 'history', `deployment/${NAME}`]);
    // Before anything is found wrong: what is left over would be held against the stories after this one.
    await world.kubectl(['delete', 'deployment,service', NAME]);
    assertNoneLost(answers);
    assert.match(answers.at(-1)?.text ?? '', /^v1 /);
    assert.match(history, /^2 .*\n3 /m);
  });
}

/** Waits until the deployment is as it was last asked to be. */
async function settled(world: World): Promise<void> {
  await world.kubectl(['rollout', 'status', `deployment/${NAME}`, '--timeout=90s'], { timeout: 100_000 });
}

/** What becomes of requests, from outside the cluster to every node's port, while something is done. */
async function during(world: World, work: () => Promise<void>): Promise<readonly Answer[]> {
  const port = await world.kubectl(['get', 'service', NAME, '-o', 'jsonpath={.spec.ports[0].nodePort}']);
  const urls = world.nodes.flatMap(({ addresses }) =>
    addresses.map((address) => `http://${address.includes(':') ? `[${address}]` : address}:${port}/`),
  );
  const requests = world.requests('client', { urls, perSecond: PER_SECOND });
  try {
    await world.eventually('requests are answered', async () =>
      requests.answers.length > PER_SECOND ? true : undefined,
    );
    await work();
  } finally {
    await requests.stop();
  }
  return requests.answers;
}

function assertNoneLost(answers: readonly Answer[]): void {
  const lost = answers.filter(({ answered }) => !answered);
  assert.deepEqual(lost.slice(0, 5), [], `${lost.length} of ${answers.length} requests failed`);
}
