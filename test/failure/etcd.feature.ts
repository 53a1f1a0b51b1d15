/** Members of the etcd that end, lead no more, or are too few. */
import assert from 'node:assert/strict';
import { Service } from '../../src/api/core/v1/service.ts';
import { ApiError } from '../../src/api/status.ts';
import { labStart, labStatus, labStop } from '../../src/lab/lab.ts';
import { NAMESPACE } from '../e2e/l2/objects.ts';
import { now } from '../e2e/l2/traffic.ts';
import { health, type LabServer } from './servers.ts';
import type { Stories } from './stories.ts';

/** Milliseconds until every server writes again after the member that led was killed: an election, and what is sent again. */
const ELECTED = 5_000;
/** Milliseconds until a server without a quorum has said so. */
const REFUSED = 15_000;

export function oneMemberDown(stories: Stories): void {
  stories.story('with one member down, every server reads and writes', async () => {
    const { world } = stories;
    await labStop(world.dir, ['server2.etcd'], 'SIGKILL');
    for (const server of world.servers) await world.write(server, `member-down-${server.name}`);
    for (const server of world.servers) {
      const names = await world.names(server);
      for (const { name } of world.servers) assert.ok(names.has(`member-down-${name}`), `${server.name}: ${name}`);
    }
  });
}

export function leaderKilled(stories: Stories): void {
  stories.story('when the leading member is killed, every server writes again within seconds', async () => {
    const { world } = stories;
    const leader = await world.etcdLeader();
    const killed = now();
    await labStop(world.dir, [leader.etcd], 'SIGKILL');
    await Promise.all(
      world.servers.map((server) =>
        world.lan.eventually(`${server.name} writes`, () =>
          world.write(server, `leader-killed-${server.name}`).catch(() => undefined),
        ),
      ),
    );
    assert.ok(now() - killed < ELECTED, `after ${Math.round(now() - killed)} ms`);
  });
}

export function noQuorum(stories: Stories): void {
  stories.story(
    'without a quorum nothing is read that may be old and nothing is written, and both are told',
    async () => {
      const { world } = stories;
      const [first, second, third] = world.servers;
      assert.ok(first && second && third);
      await world.write(first, 'before');
      const restarts = restartsOf(world.dir);
      await labStop(world.dir, [second.etcd, third.etcd], 'SIGKILL');
      await Promise.all(
        world.servers.map(async (server) => {
          await refused(`a write by ${server.name}`, () => world.write(server, `without-${server.name}`));
          await refused(`a read by ${server.name}`, () =>
            server.client.get(Service, { namespace: NAMESPACE, name: 'before' }),
          );
        }),
      );
      for (const server of world.servers) await isAliveButNotReady(world.dir, server);
      world.assertNothingLost();
      await labStart(world.dir, [second.etcd, third.etcd]);
      await world.untilWell();
      for (const server of world.servers) {
        assert.ok((await world.names(server)).has('before'));
        await world.write(server, `after-${server.name}`);
      }
      assert.deepEqual(restartsOf(world.dir), restarts, 'no server had to start again');
    },
  );
}

async function isAliveButNotReady(dir: string, server: LabServer): Promise<void> {
  const [[live], [ready, why]] = await Promise.all([health(dir, server, '/livez'), health(dir, server, '/readyz')]);
  assert.equal(live, 200, `/livez of ${server.name}`);
  assert.notEqual(ready, 200, `/readyz of ${server.name}`);
  assert.match(why, /etcd/);
}

/** That a request is answered, in time, by a status that says the store is not there now. */
async function refused(what: string, ask: () => Promise<unknown>): Promise<void> {
  const began = now();
  await assert.rejects(ask, (error) => {
    assert.ok(error instanceof ApiError, `${what}: ${error}`);
    assert.ok([500, 503, 504].includes(error.status.code ?? 0), `${what}: ${JSON.stringify(error.status)}`);
    assert.match(error.message, /etcd/, what);
    return true;
  });
  assert.ok(now() - began < REFUSED, `${what} after ${Math.round(now() - began)} ms`);
}

function restartsOf(dir: string): Readonly<Record<string, number>> {
  const servers = labStatus(dir).processes.filter(({ name }) => /^server\d+$/.test(name));
  return Object.fromEntries(servers.map(({ name, restarts }) => [name, restarts]));
}
