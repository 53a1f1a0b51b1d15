/** What is on the lab's nodes of pods that are no more: nothing may be. */
import { join } from 'node:path';
import { Pod } from '../../../src/api/core/v1/pod.ts';
import type { World } from './world.ts';

/** One script for all, as it is run on each node after each story: a line for each thing that pods leave, its kind first. */
const LOOK = `
for each in /run/netns/cni-*; do [ -e "$each" ] && echo "namespace $each"; done
ip -o link show type veth | grep -o 'pstv[0-9a-f]*' | sed 's/^/device /'
grep -o '"device": "pstv[0-9a-f]*"' "$0/network/leases.json" | sed 's/^/lease /'
grep -o "$0/pods/[^ ]*" /proc/self/mounts | sed 's/^/mount /'
ls "$0/pods" | sed 's/^/folder /'
ls "$0/logs" | sed 's/^/log /'
find /sys/fs/cgroup -mindepth 2 -maxdepth 5 -type d -name 'pod*' | sed 's/^/cgroup /'
`;
/** The processes of all nodes: a lab is one PID namespace. */
const PROCESSES = `pgrep -f -a ^/usr/bin/containerd-shim | grep -o ' -id [0-9a-f]*' | sed 's/^/process/' || true`;

const UID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

/** What is left over; empty when all that is there belongs to a pod that the API has. */
export async function leftovers(world: World): Promise<readonly string[]> {
  const { items } = await world.client.list(Pod, {});
  const left: string[] = [];
  for (const { name } of world.nodes) {
    const pods = items.filter(({ spec }) => spec?.nodeName === name);
    const uids = new Set(pods.map(({ metadata }) => metadata.uid));
    const dir = join(world.dir, 'nodes', name);
    const lines = (await world.at(name, ['sh', '-c', LOOK, dir])).split('\n').filter((line) => line !== '');
    // What bears the pod's UID can be told apart; of the rest there is one for each pod at most.
    const named = lines.filter((line) => UID.test(line) && !line.startsWith('namespace '));
    left.push(...named.filter((line) => !uids.has(UID.exec(line)?.[0])).map((line) => `${name}: ${line}`));
    for (const kind of ['namespace', 'device', 'lease']) {
      const count = lines.filter((line) => line.startsWith(`${kind} `)).length;
      if (count > pods.length) left.push(`${name}: ${count} of ${kind} for ${pods.length} pods`);
    }
  }
  const [first] = world.nodes;
  const shims = (await world.at(first?.name ?? '', ['sh', '-c', PROCESSES])).split('\n').filter((line) => line !== '');
  // One that is killed while it starts a shim may forget it: see the README of src/pods.
  const forgotten = world.killedRuntimes;
  if (shims.length > items.length + forgotten) left.push(`${shims.length} containerd-shims for ${items.length} pods`);
  return left;
}
