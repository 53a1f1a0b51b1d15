/** A containerd of the tests' own, in the namespaces of `world.ts`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '../../host/log.ts';
import { openRuntime } from '../cri/client.ts';
import { connect } from '../cri/connection.ts';
import type { ContainerRuntime } from '../cri/cri.ts';
import { buildImage, type ImageSpec } from '../images/build.ts';
import { PAUSE_IMAGE } from '../images/busybox.ts';
import { importImages } from '../images/import.ts';
import { standardImages } from './images.ts';

export interface ContainerdOptions {
  /** A folder for everything of it: short, as sockets are in there. */
  readonly dir: string;
  /** Folders in which it looks for network plugins and their configuration. Default: empty ones, for pods on the host's network. */
  readonly cni?: { readonly binDir: string; readonly confDir: string };
  /** Images it has from the start. Default: {@link standardImages}. */
  readonly images?: readonly ImageSpec[];
  /** Registries that are asked without TLS: `127.0.0.1:5000`. */
  readonly registries?: readonly string[];
}

export interface TestContainerd {
  readonly socketPath: string;
  readonly cni: { readonly binDir: string; readonly confDir: string };
  /** Connected. Goes on over restarts. */
  readonly runtime: ContainerRuntime;
  /** Imports an image as `postern image import` does; resolves when pods find it. */
  addImage(spec: ImageSpec & { readonly name: string }): Promise<void>;
  /** Kills containerd as kill -9 does; containers go on. */
  kill(): Promise<void>;
  /** Starts it again, after {@link kill}. */
  start(): Promise<void>;
  /** Ends every container and containerd itself. */
  stop(): Promise<void>;
}

/** Starts containerd, with its images. Takes about half a second. To be called in a world (`world.ts`). */
export async function startContainerd(options: ContainerdOptions): Promise<TestContainerd> {
  const { dir } = options;
  const path = (name: string): string => join(dir, name);
  const cni = options.cni ?? { binDir: path('cni-bin'), confDir: path('cni-conf') };
  for (const folder of [cni.binDir, cni.confDir, path('certs')]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeRegistries(path('certs'), options.registries ?? []);
  const socketPath = path('c.sock');
  writeFileSync(path('config.toml'), configOf({ dir, socketPath, cni }), { mode: 0o600 });

  let process = await launch(dir, socketPath);
  const connection = await connect(socketPath);
  const runtime = await openRuntime({ socketPath, log: silentLogger });
  await untilReady(runtime, path('log'));

  const addImage = async (spec: ImageSpec & { readonly name: string }): Promise<void> => {
    const file = path('import.tar');
    writeFileSync(file, buildImage(spec), { mode: 0o600 });
    await importImages({ connection, file });
    // containerd's plugin for the runtime interface hears of it by an event.
    await until(async () => (await runtime.imageStatus(spec.name)) !== undefined, `the image ${spec.name}`);
  };
  for (const image of options.images ?? standardImages()) await addImage({ ...image, name: image.name ?? 'none' });

  const kill = async (): Promise<void> => {
    process.kill('SIGKILL');
    await once(process, 'exit');
  };
  return {
    socketPath,
    cni,
    runtime,
    addImage,
    kill,
    start: async () => {
      process = await launch(dir, socketPath);
      await untilReady(runtime, path('log'));
    },
    stop: async () => {
      const sandboxes = await runtime.listSandboxes();
      await Promise.all(sandboxes.map(({ id }) => runtime.stopSandbox(id).then(() => runtime.removeSandbox(id))));
      runtime.close();
      connection.close();
      process.kill('SIGTERM');
      if (process.exitCode === null && process.signalCode === null) await once(process, 'exit');
    },
  };
}

interface Config {
  readonly dir: string;
  readonly socketPath: string;
  readonly cni: { readonly binDir: string; readonly confDir: string };
}

/**
 * Everything below `dir`, and only what pods need: other plugins look at the machine. Without CAP_SYS_RESOURCE, as in many build
 * machines, no process may be made less likely to be killed for memory than its parent, which sandboxes otherwise are.
 */
const configOf = ({ dir, socketPath, cni }: Config): string => `version = 2
root = ${JSON.stringify(join(dir, 'root'))}
state = ${JSON.stringify(join(dir, 'state'))}
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.opt", "io.containerd.internal.v1.restart",
]
[grpc]
  address = ${JSON.stringify(socketPath)}
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "${PAUSE_IMAGE}"
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = ${JSON.stringify(cni.binDir)}
  conf_dir = ${JSON.stringify(cni.confDir)}
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = ${JSON.stringify(join(dir, 'certs'))}
`;

/** containerd's own files that say how a registry is asked. */
function writeRegistries(folder: string, registries: readonly string[]): void {
  for (const registry of registries) {
    mkdirSync(join(folder, registry), { mode: 0o700 });
    writeFileSync(join(folder, registry, 'hosts.toml'), `server = "http://${registry}"\n`, { mode: 0o600 });
  }
}

async function launch(dir: string, socketPath: string): Promise<ChildProcess> {
  rmSync(socketPath, { force: true });
  const log = openSync(join(dir, 'log'), 'a', 0o600);
  // Where it mounts layers for a moment; what an end leaves there goes with the rest.
  const env = { ...process.env, TMPDIR: dir };
  const child = spawn('containerd', ['--config', join(dir, 'config.toml')], { env, stdio: ['ignore', log, log] });
  closeSync(log);
  await once(child, 'spawn');
  await until(() => {
    if (child.exitCode !== null) throw new Error(`containerd ended:\n${readFileSync(join(dir, 'log'), 'utf8')}`);
    return existsSync(socketPath);
  }, 'the socket of containerd');
  return child;
}

/** Its network is not ready without plugins, and needs not be. */
async function untilReady(runtime: ContainerRuntime, log: string): Promise<void> {
  const isReady = async (): Promise<boolean> => {
    const { conditions } = await runtime.status();
    return conditions.some(({ type, status }) => type === 'RuntimeReady' && status);
  };
  await until(
    () => isReady().catch(() => false),
    () => `containerd:\n${readFileSync(log, 'utf8').slice(-4000)}`,
  );
}

const PATIENCE_MS = 10_000;

async function until(reached: () => boolean | Promise<boolean>, what: string | (() => string)): Promise<void> {
  for (const start = Date.now(); !(await reached()); ) {
    const name = typeof what === 'string' ? what : what();
    if (Date.now() - start > PATIENCE_MS) throw new Error(`waited ${PATIENCE_MS} ms in vain for ${name}`);
    await sleep(5);
  }
}
