/**
 * The container runtime that a lab's nodes run: containerd, with everything below the node's folder, and found where it is on any
 * machine, as a place has a /run of its own: `ctr` and `postern image import` need no options there.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupMounts, makeCgroup, removeCgroup } from '../host/cgroups.ts';
import { CommandError, runCommand } from '../host/process.ts';
import { messageOf } from '../lib/errors.ts';
import { LabError } from './error.ts';
import { type Layout, nodeDir } from './layout.ts';
import { missingPrograms, needsUserNamespace } from './privileges.ts';

/** With the Debian package of each. */
const PROGRAMS = { containerd: 'containerd', ctr: 'containerd', runc: 'runc' };
const BUSYBOX = '/bin/busybox';
const SOCKET = '/run/containerd/containerd.sock';

/** What every sandbox of a node runs: an image that comes with the lab, so that no registry is needed. */
export interface SandboxImage {
  readonly name: string;
  /** In the OCI image layout. */
  readonly archive: Uint8Array;
}

/** Throws a {@link LabError} with the remedy when nodes can run no containers here. */
export function checkNodeContainers(
  machine: { readonly folders?: readonly string[]; readonly isRoot?: boolean } = {},
): void {
  const { folders, isRoot = !needsUserNamespace() } = machine;
  if (!isRoot) {
    throw new LabError(
      'Nodes with containers need root: containerd mounts and limits what an ordinary user must not. Run the lab with sudo, or without --node-containers.',
    );
  }
  const { programs, packages } = missingPrograms(PROGRAMS, folders);
  const missing = existsSync(BUSYBOX)
    ? { programs, packages }
    : { programs: [...programs, BUSYBOX], packages: [...packages, 'busybox-static'] };
  if (missing.programs.length === 0) return;
  throw new LabError(
    `Nodes with containers need ${missing.programs.join(', ')}. Install: apt-get install -y --no-install-recommends ${missing.packages.join(' ')}
Where services start once they are installed, containerd runs on this machine too: nothing of the lab uses it.`,
  );
}

/** A node of a lab that is to run containers. */
export interface ContainerNode {
  readonly layout: Layout;
  readonly name: string;
  /** Makes commands run in the node. */
  readonly enter: (argv: readonly string[]) => readonly string[];
  readonly sandboxImage: SandboxImage;
}

/** Writes what containerd is told, and returns the command that runs it in the node and prints `ready`. */
export async function prepareContainerd(node: ContainerNode): Promise<readonly string[]> {
  const { layout, name, enter } = node;
  const dir = containerdDir(layout, name);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  for (const folder of [cniDir(layout, name, 'bin'), cniDir(layout, name, 'conf')]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  const config = join(dir, 'config.toml');
  writeFileSync(config, await configOf(node, dir), { mode: 0o600 });
  const group = `${cgroupOf(layout)}/${name}`;
  return enter(['sh', '-c', START, group, config, VIEW, cgroupMounts(), ...groupsOf(group)]);
}

function groupsOf(name: string): readonly string[] {
  try {
    return makeCgroup(name);
  } catch (cause) {
    const why = messageOf(cause);
    throw new LabError(
      `Nodes with containers need control groups of their own, and none can be made here: ${why}
In a container: start that with --privileged. Or run the lab without --node-containers.`,
      { cause },
    );
  }
}

/** Gives containerd the image of its sandboxes, for which it would otherwise ask a registry. */
export async function importSandboxImage({ layout, name, enter, sandboxImage }: ContainerNode): Promise<void> {
  const archive = join(containerdDir(layout, name), 'sandbox.tar');
  writeFileSync(archive, sandboxImage.archive, { mode: 0o600 });
  // Unpacked with the first sandbox.
  await runCommand(
    enter(['ctr', '--address', SOCKET, '--namespace', 'k8s.io', 'images', 'import', '--no-unpack', archive]),
  );
}

/** Removes the groups of a lab's containers, all of which have ended. False while the kernel still sees one. */
export function removeCgroups(layout: Layout): boolean {
  return needsUserNamespace() || removeCgroup(cgroupOf(layout));
}

/** Labs are told apart by their folders. */
function cgroupOf({ dir }: Layout): string {
  return `postern-lab-${createHash('sha256').update(dir).digest('hex').slice(0, 12)}`;
}

function containerdDir(layout: Layout, node: string): string {
  return join(nodeDir(layout, node), 'containerd');
}

function cniDir(layout: Layout, node: string, which: 'bin' | 'conf'): string {
  return join(nodeDir(layout, node), 'cni', which);
}

/**
 * Only what pods need: other plugins look at the machine. No process of a lab is made less likely to be killed for memory than
 * what else the machine runs (`restrict_oom_score_adj`), which not every root may do either.
 */
async function configOf({ layout, name, enter, sandboxImage }: ContainerNode, dir: string): Promise<string> {
  const snapshotter = (await canOverlay(enter, dir)) ? 'overlayfs' : 'native';
  return `version = 2
root = ${JSON.stringify(join(dir, 'root'))}
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.internal.v1.opt", "io.containerd.internal.v1.restart",
]
[grpc]
  address = "${SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = ${JSON.stringify(sandboxImage.name)}
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = ${JSON.stringify(cniDir(layout, name, 'bin'))}
  conf_dir = ${JSON.stringify(cniDir(layout, name, 'conf'))}
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "${snapshotter}"
`;
}

/** Where the lab's folder itself is on an overlay, as in many containers, the kernel refuses another one: files are copied then. */
async function canOverlay(enter: (argv: readonly string[]) => readonly string[], dir: string): Promise<boolean> {
  try {
    await runCommand(enter(['unshare', '--mount', '--', 'sh', '-c', OVERLAY, join(dir, 'overlay-probe')]));
    return true;
  } catch (error) {
    if (error instanceof CommandError) return false;
    throw error;
  }
}

const OVERLAY = `
set -e
mkdir -p "$0/lower" "$0/upper" "$0/work" "$0/merged"
trap 'umount "$0/merged" 2>/dev/null || :; rm -rf "$0"' EXIT
mount -t overlay -o "lowerdir=$0/lower,upperdir=$0/upper,workdir=$0/work" overlay "$0/merged"
`;

/** Joins the groups, seen from the machine or, once the node has its view of them, from there; then has that view. */
const START = `
set -e
group=$0 config=$1 view=$2 mounts=$3
shift 3
mkdir -p -m 755 /run/containerd
for folder in "$@"; do
  [ ! -e /run/containerd/view ] || folder=\${folder%"/$group"}
  if [ -e "$folder/init/cgroup.procs" ]; then folder=$folder/init; fi
  echo $$ > "$folder/cgroup.procs"
done
exec unshare --cgroup -- sh -c "$view" "$config" "$mounts"
`;

/**
 * The agent is in the node's mount namespace too, and sees the same groups. Mounts pass between containers and the node. What
 * containerd notes of network plugins' answers has one fixed place, which is the node's own too; so are its temporary folders.
 */
const VIEW = `
set -e
if [ ! -e /run/containerd/view ]; then
  mount --make-rshared /
  eval "$1"
  mkdir -p /var/lib/cni
  mount -t tmpfs -o mode=700 tmpfs /var/lib/cni
  : > /run/containerd/view
fi
rm -f ${SOCKET}
mkdir -p /run/containerd/tmp
export TMPDIR=/run/containerd/tmp
( ( until [ -S ${SOCKET} ]; do kill -0 $$ || exit; sleep 0.02; done; echo ready ) & )
exec containerd --config "$0"
`;
