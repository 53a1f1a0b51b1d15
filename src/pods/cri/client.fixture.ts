/** The client against a real containerd: run by `client.test.ts` in a world for containers. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, it, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { silentLogger } from '../../host/log.ts';
import { rotateLog } from '../logs/rotation.ts';
import { type ContainerOptions, containerConfig, sandboxConfig } from '../testing/configs.ts';
import { startContainerd, type TestContainerd } from '../testing/containerd.ts';
import { BUSYBOX_IMAGE, HTTP_IMAGE, PAUSE_IMAGE } from '../testing/images.ts';
import { openRuntime } from './client.ts';
import { runtimeContract } from './contract.ts';
import {
  type ContainerConfig,
  type ContainerEvent,
  type ContainerRuntime,
  CRIError,
  type SandboxConfig,
} from './cri.ts';

const dir = mkdtempSync('/run/c-');
const logDirectory = join(dir, 'logs');
let containerd: TestContainerd;
let runtime: ContainerRuntime;
let sandbox: { readonly id: string; readonly config: SandboxConfig };

before(async () => {
  containerd = await startContainerd({ dir });
  ({ runtime } = containerd);
  const config = sandboxConfig({ name: 'shared', logDirectory, labels: { app: 'shared' } });
  sandbox = { config, id: await runtime.runSandbox(config) };
});
after(() => containerd.stop());

runtimeContract('containerd', () => ({ runtime, logDirectory }), 1);

const withCode = (code: CRIError['code']) => (error: unknown) => error instanceof CRIError && error.code === code;

describe('the client', { concurrency: true }, () => {
  it('the runtime says what it is, and that it is ready', async () => {
    assert.equal((await runtime.version()).name, 'containerd');
    const { conditions, info } = await runtime.status(true);
    assert.deepEqual(conditions.find(({ type }) => type === 'RuntimeReady')?.status, true);
    // Where whoever has a network plugin to install finds the folders.
    assert.match(info['config'] ?? '', /"binDir":".*cni-bin"/);
    assert.deepEqual((await runtime.status()).info, {});
  });

  it('a container runs, writes its log and tells how it ended', async () => {
    const id = await run({ name: 'ends', command: ['sh', '-c', 'echo hello; exit 3'] });
    const status = await runtime.containerStatus(id);
    assert.deepEqual(
      { state: status.state, exitCode: status.exitCode, reason: status.reason, logPath: status.logPath },
      { state: 'EXITED', exitCode: 3, reason: 'Error', logPath: join(logDirectory, 'ends/0.log') },
    );
    assert.ok(
      status.startedAt !== undefined && status.finishedAt !== undefined && status.finishedAt >= status.startedAt,
    );
    assert.match(readFileSync(status.logPath, 'utf8'), / stdout F hello\n$/);
  });

  it('a container has the user, the environment, the mounts and the limits that it was given', async () => {
    const shared = join(dir, 'shared');
    mkdirSync(shared);
    writeFileSync(join(shared, 'file'), 'from the host');
    const script = 'exec 2>&1; id -u; id -g; id -G; echo $COLOUR; cat /data/file; echo; touch /x /data/x; pwd';
    const base = containerConfig({ name: 'given', command: ['sh', '-c', script] });
    const { lines } = await output({
      ...base,
      workingDir: '/data',
      envs: [{ key: 'COLOUR', value: 'blue green' }],
      mounts: [{ containerPath: '/data', hostPath: shared, readonly: true, propagation: 'PRIVATE' }],
      linux: {
        ...base.linux,
        security: {
          ...base.linux.security,
          runAsUser: 0,
          runAsGroup: 7,
          supplementalGroups: [9],
          readonlyRootfs: true,
        },
      },
    });
    assert.deepEqual(lines, [
      '0',
      '7',
      '7 9',
      'blue green',
      'from the host',
      'touch: /x: Read-only file system',
      'touch: /data/x: Read-only file system',
      '/data',
    ]);
  });

  it('a container that takes more memory than it may is killed for it', async () => {
    const command = ['sh', '-c', 'x=x; while :; do x=$x$x; done'];
    const status = await runtime.containerStatus(await run({ name: 'greedy', command, memoryLimitInBytes: 16 << 20 }));
    assert.deepEqual([status.reason, status.exitCode], ['OOMKilled', 137]);
  });

  it('commands run in a container, until they end or their time is up', async () => {
    const id = await start({ name: 'host-of-commands', command: ['sleep', '1000'] });
    const { stdout, stderr, exitCode } = await runtime.execSync(id, ['sh', '-c', 'echo out; echo err >&2; exit 4'], 10);
    assert.deepEqual([String(stdout), String(stderr), exitCode], ['out\n', 'err\n', 4]);
    await assert.rejects(runtime.execSync(id, ['sleep', '100'], 1), withCode('deadline-exceeded'));
    const streams = { containerID: id, tty: false, stdin: true, stdout: true, stderr: true };
    assert.match(await runtime.exec({ ...streams, command: ['cat'] }), /^http:\/\/127\.0\.0\.1:\d+\/exec\//);
    assert.match(await runtime.attach(streams), /^http:\/\/127\.0\.0\.1:\d+\/attach\//);
    assert.match(await runtime.portForward(sandbox.id, []), /^http:\/\/127\.0\.0\.1:\d+\/portforward\//);
    await runtime.updateResources(id, { memoryLimitInBytes: 64 << 20 });
    const stats = (await runtime.containerStats()).find((each) => each.id === id);
    assert.ok(stats?.cpuUsage !== undefined && stats.memoryWorkingSetBytes !== undefined);
  });

  it('sandboxes and containers are found by their labels, and by whose they are', async () => {
    const config = sandboxConfig({ name: 'labelled', logDirectory, labels: { app: 'web', tier: 'front' } });
    const id = await runtime.runSandbox(config);
    const other = containerConfig({ name: 'other', labels: { app: 'web' } });
    const container = await runtime.createContainer(id, other, config);

    const ids = async (labels: Readonly<Record<string, string>>) =>
      (await runtime.listSandboxes({ labels })).map((each) => each.id);
    assert.deepEqual(await ids({ app: 'web' }), [id]);
    assert.deepEqual(await ids({ app: 'web', tier: 'back' }), []);
    assert.deepEqual(
      (await runtime.listContainers({ sandboxID: id })).map((each) => [each.id, each.metadata, each.state, each.image]),
      [[container, { name: 'other', attempt: 0 }, 'CREATED', BUSYBOX_IMAGE]],
    );
    assert.deepEqual(await runtime.listContainers({ labels: { app: 'db' } }), []);

    assert.deepEqual((await runtime.sandboxStatus(id)).ips, []);
    await runtime.stopSandbox(id);
    assert.equal((await runtime.sandboxStatus(id)).state, 'NOTREADY');
    assert.deepEqual(await runtime.listSandboxes({ state: 'READY', labels: { app: 'web' } }), []);
    await runtime.removeSandbox(id);
    await assert.rejects(runtime.sandboxStatus(id), withCode('not-found'));
  });

  it('ending what is not there succeeds, asking for it does not', async () => {
    for (const end of [runtime.stopSandbox, runtime.removeSandbox, runtime.removeContainer, runtime.removeImage]) {
      await end('nowhere');
    }
    await runtime.stopContainer('nowhere', 1);
    await assert.rejects(runtime.containerStatus('nowhere'), withCode('not-found'));
    assert.equal(await runtime.imageStatus('nowhere'), undefined);
  });

  it('images tell their names, sizes and users', async () => {
    const names = (await runtime.images()).flatMap(({ repoTags }) => repoTags).toSorted();
    assert.deepEqual(names, [BUSYBOX_IMAGE, HTTP_IMAGE, PAUSE_IMAGE].toSorted());
    await containerd.addImage({ name: 'example.com/user:1', files: [], user: '1234' });
    await containerd.addImage({ name: 'example.com/named:1', files: [], user: 'nobody' });
    assert.equal((await runtime.imageStatus('example.com/user:1'))?.uid, 1234);
    const named = await runtime.imageStatus('example.com/named:1');
    assert.deepEqual([named?.uid, named?.username], [undefined, 'nobody']);
    await runtime.removeImage('example.com/named:1');
    assert.equal(await runtime.imageStatus('example.com/named:1'), undefined);
  });

  it('a log is rotated under a container that writes, and nothing of it is lost', async () => {
    // In bursts, so that it takes as long as some rotations do on a busy machine.
    const burst = '[ $((i % 2000)) -ne 0 ] || sleep 0.15';
    const script = `i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); ${burst}; done`;
    const id = await start({ name: 'talker', command: ['sh', '-c', script] });
    const { logPath } = await runtime.containerStatus(id);
    const limits = { maxBytes: 64 * 1024, maxFiles: 100 };
    let time = 0;
    const clock = { now: () => (time += 1000), steady: () => time, sleep: () => Promise.resolve() };
    let rotations = 0;
    while ((await runtime.containerStatus(id)).state === 'RUNNING') {
      // One that ends just now cannot open a new log.
      const rotated = rotateLog({ containerID: id, logPath }, { runtime, limits, clock, log: silentLogger });
      if (await rotated.catch(() => false)) rotations++;
    }
    assert.ok(rotations > 1, `${rotations} rotations`);
    const files = readdirSync(join(logPath, '..')).toSorted((a, b) =>
      a === '0.log' ? 1 : b === '0.log' ? -1 : a < b ? -1 : 1,
    );
    const text = files.map((name) => {
      const bytes = readFileSync(join(logPath, '..', name));
      return String(name.endsWith('.gz') ? gunzipSync(bytes) : bytes);
    });
    // Without the newlines: containerd parts a line where it changes files.
    const words = text
      .join('')
      .split('\n')
      .map((line) => line.split(' ').slice(3).join(' '));
    assert.equal(words.join(''), Array.from({ length: 20_000 }, (_, i) => `line ${i}`).join(''));
  });
});

test('a container goes on while containerd is killed and started again, and the client finds it again', async () => {
  const id = await start({ name: 'survivor', command: ['sleep', '1000'] });
  const ends = new AbortController();
  const lost = assert.rejects(Array.fromAsync(runtime.events(ends.signal)), withCode('unavailable'));
  await sleep(50); // So that the stream is open; when it is not, it is lost all the same.
  await containerd.kill();
  await lost;
  await assert.rejects(runtime.listContainers(), withCode('unavailable'));
  await containerd.start();
  assert.equal((await runtime.containerStatus(id)).state, 'RUNNING');
  const stopped = eventOf('STOPPED', id);
  await runtime.execSync(id, ['kill', '-9', '-1'], 5).catch(() => {});
  await runtime.stopContainer(id, 0);
  await stopped;
});

test('a runtime that is not there is told as such, at once', async () => {
  const absent = await openRuntime({ socketPath: join(dir, 'absent.sock'), log: silentLogger });
  await assert.rejects(absent.version(), withCode('unavailable'));
  absent.close();
});

async function create(config: ContainerConfig): Promise<string> {
  return runtime.createContainer(sandbox.id, config, sandbox.config);
}

async function start(options: ContainerOptions): Promise<string> {
  const id = await create(containerConfig(options));
  await runtime.startContainer(id);
  return id;
}

/** Runs a container to its end. Who hears of that finds it in the container's status. */
async function run(options: ContainerOptions): Promise<string> {
  return (await runConfig(containerConfig(options))).id;
}

async function runConfig(config: ContainerConfig) {
  const id = await create(config);
  const ended = eventOf('STOPPED', id);
  await runtime.startContainer(id);
  await ended;
  const status = await runtime.containerStatus(id);
  assert.equal(status.state, 'EXITED');
  return status;
}

async function output(config: ContainerConfig) {
  const { logPath } = await runConfig(config);
  const lines = readFileSync(logPath, 'utf8').trimEnd().split('\n');
  return { lines: lines.map((line) => line.split(' ').slice(3).join(' ')), file: basename(logPath) };
}

/** Resolves with the first event of a type about a container. */
async function eventOf(type: ContainerEvent['type'], containerID: string): Promise<void> {
  const ends = new AbortController();
  for await (const event of runtime.events(ends.signal)) {
    if (event.type === type && event.containerID === containerID) return;
  }
}
