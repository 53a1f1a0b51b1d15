/** Disks that are full: of a member of the etcd, and of a server that keeps the objects itself. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { ConfigMap } from '../../src/api/core/v1/configmap.ts';
import { ApiError } from '../../src/api/status.ts';
import type { Client } from '../../src/client/client.ts';
import { CommandError } from '../../src/host/process.ts';
import { labStatus } from '../../src/lab/lab.ts';
import type { LabServer } from './servers.ts';
import type { Stories } from './stories.ts';
import type { World } from './world.ts';

/** Bytes of an object that fills disks, and how many at most are written. */
const SIZE = 200_000;
const MOST = 400;
/** How many are written while there is room. */
const SOME = 10;

export function memberDiskFull(stories: Stories): void {
  stories.story('a full disk of the leading member costs that member only, until there is room again', async () => {
    const { world } = stories;
    const leader = await world.etcdLeader();
    const filler = join(world.dir, 'servers', leader.name, 'etcd', 'filler');
    await fill(world, leader.name, filler);
    try {
      const other = world.servers.find((server) => server !== leader) ?? assert.fail('there is one server only');
      const kept = await writeUntil(other.client, 'member', () => hasFallen(world, leader));
      for (const server of world.servers) {
        await world.write(server, `full-${server.name}`);
        await allThere(server.client, kept);
      }
      world.assertNothingLost();
    } finally {
      await world.lan.at(leader.name, ['rm', '-f', filler]);
    }
  });
}

export function serverDiskFull(stories: Stories): void {
  stories.story(
    'a server whose disk is full refuses writes with the reason, reads on, and writes again when there is room',
    async () => {
      const { world } = stories;
      const [server] = world.servers;
      assert.ok(server);
      const { pid } = processOf(world, server.name);
      const filler = join(world.dir, 'servers', server.name, 'data', 'store', 'filler');
      const before = await writeUntil(server.client, 'before', (kept) => kept === SOME);
      await fill(world, server.name, filler);
      let refusal: unknown;
      const kept = await writeUntil(
        server.client,
        'server',
        () => refusal !== undefined,
        (error) => {
          refusal = error;
        },
      );
      assert.ok(refusal instanceof ApiError, String(refusal));
      assert.ok([500, 503, 507].includes(refusal.code), JSON.stringify(refusal.status));
      assert.match(refusal.message, /disk|space/i);
      await allThere(server.client, [...before, ...kept]);
      world.assertNothingLost();
      await world.lan.at(server.name, ['rm', '-f', filler]);
      await world.lan.eventually('the server writes again', () =>
        world.write(server, 'room-again').catch(() => undefined),
      );
      await allThere(server.client, [...before, ...kept]);
      assert.equal(processOf(world, server.name).pid, pid, 'it did not have to start again');
    },
  );
}

/** Takes what is left of the disk that a file is on. */
async function fill(world: World, place: string, path: string): Promise<void> {
  try {
    await world.lan.at(place, ['dd', 'if=/dev/zero', `of=${path}`, 'bs=1M']);
  } catch (error) {
    if (!(error instanceof CommandError && /No space left/.test(error.stderr))) throw error;
  }
}

/** Writes large objects until something has come about; resolves to the names of those that were acknowledged. */
async function writeUntil(
  client: Client,
  prefix: string,
  isEnough: (kept: number) => boolean,
  failed: (error: unknown) => void = () => {},
): Promise<readonly string[]> {
  const kept: string[] = [];
  for (let i = 0; i < MOST && !isEnough(kept.length); i++) {
    const name = `disk-${prefix}-${i}`;
    await client
      .create(ConfigMap, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace: 'default' },
        data: { name, filler: 'x'.repeat(SIZE) },
      })
      .then(() => kept.push(name), failed);
  }
  assert.ok(isEnough(kept.length), `after ${MOST} objects of ${SIZE} bytes the disk still has room`);
  return kept;
}

async function allThere(client: Client, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const { data } = await client.get(ConfigMap, { namespace: 'default', name });
    assert.equal(data?.['name'], name);
  }
}

function processOf(world: World, name: string) {
  return labStatus(world.dir).processes.find((process) => process.name === name) ?? assert.fail(`no process ${name}`);
}

/** Whether a server's member has ended for want of room. */
function hasFallen(world: World, { etcd }: LabServer): boolean {
  const { phase, restarts } = processOf(world, etcd);
  return phase !== 'ready' || restarts > 0;
}
