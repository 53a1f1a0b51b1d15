/** What of the node a container sees: its volumes, and the files that every container gets. */
import { posix } from 'node:path';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Container, VolumeMount } from '../../api/core/v1/pod-spec.ts';
import type { Volume } from '../../api/core/v1/volume.ts';
import type { Mount } from '../cri/cri.ts';
import type { Problem, VolumePaths } from '../parts.ts';
import type { Environment } from './environment.ts';
import { expand } from './expand.ts';
import { configProblem, isProblem } from './problems.ts';

/** A volume at a place in a container. */
export interface PlannedMount extends Omit<Mount, 'hostPath'> {
  readonly volume: string;
  /** The volume's path on the host. */
  readonly volumePath: string;
  /** The part of the volume that is mounted; undefined for all of it. */
  readonly subPath: string | undefined;
  /** Whether the part may be made when it is not there. */
  readonly mayCreate: boolean;
}

const PROPAGATIONS: ReadonlyMap<string, Mount['propagation']> = new Map([
  ['None', 'PRIVATE'],
  ['HostToContainer', 'HOST_TO_CONTAINER'],
  ['Bidirectional', 'BIDIRECTIONAL'],
]);

/** The container's mounts of volumes, in their order. */
export function plannedMounts(
  pod: Pod,
  container: Container,
  variables: Environment,
  volumes: VolumePaths,
): readonly PlannedMount[] | Problem {
  const planned: PlannedMount[] = [];
  for (const mount of container.volumeMounts ?? []) {
    const volume = pod.spec?.volumes?.find(({ name }) => name === mount.name);
    const volumePath = volumes.get(mount.name);
    if (volume === undefined || volumePath === undefined) {
      const found = `volumeMounts of container "${container.name}" name the volume "${mount.name}"`;
      return configProblem(`${found}, which the pod does not have`);
    }
    const subPath = subPathOf(mount, container, variables);
    if (isProblem(subPath)) return subPath;
    const generated = isGenerated(volume);
    planned.push({
      volume: mount.name,
      volumePath,
      subPath,
      mayCreate: !generated,
      containerPath: posix.resolve('/', mount.mountPath),
      readonly: (mount.readOnly ?? false) || generated,
      selinuxRelabel: volume.hostPath === undefined,
      propagation: PROPAGATIONS.get(mount.mountPropagation ?? 'None') ?? 'PRIVATE',
    });
  }
  return planned;
}

/** Made from objects of the API: nothing that a container writes there would last. */
function isGenerated({ configMap, secret, downwardAPI, projected }: Volume): boolean {
  return [configMap, secret, downwardAPI, projected].some((source) => source !== undefined);
}

function subPathOf(mount: VolumeMount, container: Container, variables: Environment): string | undefined | Problem {
  const { name, subPath, subPathExpr } = mount;
  const path = subPathExpr ? expandAll(subPathExpr, variables) : subPath;
  if (isProblem(path)) return path;
  if (!path) return undefined;
  if (!posix.isAbsolute(path) && !path.split('/').includes('..')) return path;
  const found = `volumeMount "${name}" of container "${container.name}" has the subPath ${JSON.stringify(path)}`;
  return configProblem(`${found}; it must be a relative path without ".."`);
}

/** Unlike in a command, every name must stand for something: else containers would share what is to be apart. */
function expandAll(text: string, variables: Environment): string | Problem {
  const unknown: string[] = [];
  const expanded = expand(text, (name) => {
    const value = variables.get(name);
    if (value === undefined) unknown.push(name);
    return value;
  });
  if (unknown.length > 0) return configProblem(`missing value for "${unknown.join('", "')}" in subPathExpr ${text}`);
  return expanded ?? configProblem(`subPathExpr ${text} is longer than 128 KiB`);
}

/** A file of the pod's own on the node. */
export function fileMount(containerPath: string, hostPath: string): Mount {
  return { containerPath, hostPath, readonly: false, selinuxRelabel: true, propagation: 'PRIVATE' };
}
