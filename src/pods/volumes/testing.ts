/** A node's volumes and configurations with real mounts, for tests in a mount namespace of their own. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigMap } from '../../api/core/v1/configmap.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { PodSpec, VolumeMount } from '../../api/core/v1/pod-spec.ts';
import { Secret } from '../../api/core/v1/secret.ts';
import { type FakeClient, fakeClient } from '../../client/fake.ts';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { mountsBeneath } from '../../host/mounts.ts';
import { openPodParts, type PodParts } from '../config/open.ts';
import { container, image, pod } from '../config/testing.ts';
import type { VolumePaths } from '../parts.ts';

export interface World extends PodParts {
  readonly client: FakeClient;
  readonly clock: FakeClock;
  readonly stateDir: string;
  /** UIDs of pods that were said to be worth another try. */
  readonly changed: string[];
  /** Reasons and messages. */
  readonly events: string[];
  /** The same node after its agent was killed. */
  restart(): Promise<World>;
}

export const metadata = (name: string) => ({ name, namespace: 'shop' });

export async function world(t: TestContext): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-volumes-'));
  // As /var/run is on most machines.
  const stateDir = `${folder}-link`;
  await symlink(folder, stateDir);
  const clock = new FakeClock(Date.parse('2026-01-01T00:00:00Z'));
  const client = fakeClient([], { clock });
  await client.create(ConfigMap, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadata('settings'),
    data: { a: '1' },
  });
  const data = { key: Buffer.from('secret').toString('base64') };
  await client.create(Secret, { apiVersion: 'v1', kind: 'Secret', metadata: metadata('keys'), data });
  let tokens = 0;
  client.answerRawWith(() => {
    const expirationTimestamp = new Date(clock.now() + 3_600_000).toISOString();
    return { status: { token: `token-${++tokens}`, expirationTimestamp } };
  });
  const ended = new AbortController();
  t.after(async () => {
    ended.abort();
    assert.deepEqual(await mountsBeneath(stateDir), [], 'a mount was left behind');
    await rm(folder, { recursive: true });
    await rm(stateDir);
  });
  const start = async (): Promise<World> => {
    const changed: string[] = [];
    const events: string[] = [];
    const options = {
      client,
      nodeName: 'n1',
      stateDir,
      clusterDomain: 'cluster.local',
      clusterDNS: () => ['10.244.1.1'],
      hostIPs: ['192.0.2.10'],
      allocatable: () => ({ memory: '64Mi' }),
      services: () => [],
      events: {
        event: (_: Pod, __: string, reason: string, message: string) => void events.push(`${reason}: ${message}`),
      },
      changed: (uid: string) => void changed.push(uid),
      log: silentLogger,
      clock,
    };
    const parts = await openPodParts(options, ended.signal);
    return { ...parts, client, clock, stateDir, changed, events, restart: start };
  };
  return start();
}

export async function made({ volumes }: World, of: Pod): Promise<VolumePaths> {
  const result = await volumes.ensure(of);
  assert.equal(result.kind, 'ready', result.kind === 'problem' ? result.message : '');
  return result.kind === 'ready' ? result.paths : new Map();
}

export async function refused({ volumes }: World, of: Pod): Promise<string> {
  const result = await volumes.ensure(of);
  assert.ok(result.kind === 'problem');
  assert.equal(result.reason, 'FailedMount');
  return result.message;
}

/** The disk tells nobody when it has been written. */
export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await holds()) return;
    await sleep(10);
  }
  assert.fail('it never came to hold');
}

export const withVolumes = (volumes: PodSpec['volumes'], spec: PodSpec = {}) =>
  pod({ ...spec, volumes: volumes ?? [] });
export const at = (paths: VolumePaths, volume: string, ...parts: string[]) => join(paths.get(volume) ?? '', ...parts);
export const mode = async (path: string) => (await stat(path)).mode & 0o7777;

/** The mounts of the container `main`, by path in it; or the message of the problem. */
export async function mounted(
  { configs }: World,
  whole: Pod,
  volumes: VolumePaths,
  volumeMounts: readonly VolumeMount[],
  restartCount = 0,
): Promise<ReadonlyMap<string, string> | string> {
  const main = container({ volumeMounts: [...volumeMounts] });
  const podIPs = ['10.244.1.7'];
  const request = { pod: whole, container: main, restartCount, podIPs, imageRef: 'i', image: image(), volumes };
  const result = await configs.container(request);
  if (result.kind === 'problem') return result.message;
  return new Map(result.config.mounts.map(({ containerPath, hostPath }) => [containerPath, hostPath]));
}
