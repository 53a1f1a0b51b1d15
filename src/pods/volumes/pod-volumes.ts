/** The volumes of one pod: made, and kept as what they are made from is now. */
import { chmod, chown, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Volume } from '../../api/core/v1/volume.ts';
import type { Mounts } from '../../host/mounts.ts';
import { codeOf, messageOf } from '../../lib/errors.ts';
import type { PodAddresses } from '../config/field-ref.ts';
import type { NamedObjects } from '../config/objects.ts';
import { problem } from '../config/problems.ts';
import { inUnits, type Quantities } from '../config/quantities.ts';
import type { Problem, VolumePaths } from '../parts.ts';
import { holdsFiles, writeAtomically } from './atomic-files.ts';
import { volumeFiles } from './files.ts';
import { checkHostPath } from './host-path.ts';
import type { PodPaths } from './paths.ts';
import { type Medium, type TokenSource, type VolumePlan, volumePlan } from './plan.ts';
import type { Tokens } from './tokens.ts';

/** What the volumes of all pods are made with. */
export interface VolumeParts {
  readonly paths: PodPaths;
  readonly mounts: Mounts;
  readonly tokens: Tokens;
  /** What the node has for pods. */
  readonly allocatable: () => Quantities;
  /** The node's own addresses, the primary one first. */
  readonly hostIPs: readonly string[];
}

export interface MadeVolumes {
  readonly kind: 'ready';
  readonly paths: VolumePaths;
  /** Milliseconds of the wall clock when the first of its tokens is to be another; undefined without tokens. */
  readonly refreshAt: number | undefined;
  /** Why volumes that were made once could not be brought up to date: they have what they had. */
  readonly stale: readonly string[];
}

/** Anyone in the container may write, as into /tmp; with a group, what is made belongs to that. */
const EMPTY_DIR_MODE = 0o777;
const SETGID = 0o2000;

/** Makes what is missing of a pod's volumes and brings up to date what has changed. */
export async function makeVolumes(pod: Pod, objects: NamedObjects, parts: VolumeParts): Promise<MadeVolumes | Problem> {
  await mkdir(parts.paths.pod(pod.metadata.uid ?? ''), { recursive: true, mode: 0o700 });
  const paths = new Map<string, string>();
  const stale: string[] = [];
  let refreshAt: number | undefined;
  for (const volume of pod.spec?.volumes ?? []) {
    const made = await makeVolume(pod, volume, objects, parts).catch(failedMount);
    const message = `MountVolume.SetUp failed for volume "${volume.name}" : ${made.message}`;
    if (made.kind === 'problem') return problem('FailedMount', message);
    paths.set(volume.name, made.path);
    if (made.message !== undefined) stale.push(message);
    if (made.refreshAt !== undefined) refreshAt = Math.min(made.refreshAt, refreshAt ?? made.refreshAt);
  }
  return { kind: 'ready', paths, refreshAt, stale };
}

type Made =
  | { readonly kind: 'made'; readonly path: string; readonly refreshAt?: number; readonly message?: string }
  | { readonly kind: 'problem'; readonly message: string };

/** The disk, the kernel or the API refused something: the pod's owner is to know what. */
function failedMount(error: unknown): Made {
  return { kind: 'problem', message: messageOf(error) };
}

async function makeVolume(pod: Pod, volume: Volume, objects: NamedObjects, parts: VolumeParts): Promise<Made> {
  const plan = volumePlan(volume);
  if (plan.kind === 'refused') return { kind: 'problem', message: plan.message };
  if (plan.kind === 'hostPath') {
    const message = await checkHostPath(plan.path, plan.type);
    return message === undefined ? { kind: 'made', path: plan.path } : { kind: 'problem', message };
  }
  const path = parts.paths.volume(pod.metadata.uid ?? '', volume.name);
  if (plan.kind === 'files') {
    const made = await makeFiles(pod, path, plan, objects, parts).catch(failedMount);
    // Those who run with it are not to be ended because what it was made from has gone.
    return made.kind === 'problem' && (await holdsFiles(path)) ? { kind: 'made', path, message: made.message } : made;
  }
  const fsGroup = pod.spec?.securityContext?.fsGroup;
  const size = plan.medium === 'memory' ? memoryLimit(pod, plan.sizeLimit, parts.allocatable()) : undefined;
  await makeFolder(parts.mounts, path, plan.medium, { fsGroup, size });
  return { kind: 'made', path };
}

async function makeFiles(
  pod: Pod,
  path: string,
  plan: Extract<VolumePlan, { readonly kind: 'files' }>,
  objects: NamedObjects,
  parts: VolumeParts,
): Promise<Made> {
  const tokens = new Map<TokenSource, string>();
  let refreshAt = Number.POSITIVE_INFINITY;
  for (const source of plan.sources) {
    if (source.kind !== 'token') continue;
    const token = await parts.tokens.token(pod, source);
    tokens.set(source, token.token);
    refreshAt = Math.min(refreshAt, token.refreshAt);
  }
  const addresses: PodAddresses = { podIPs: podIPs(pod), hostIPs: parts.hostIPs };
  const files = volumeFiles(plan, { pod, addresses, allocatable: parts.allocatable(), objects, tokens });
  if ('kind' in files) return files;
  const fsGroup = pod.spec?.securityContext?.fsGroup;
  await makeFolder(parts.mounts, path, plan.medium, { fsGroup });
  await writeAtomically(path, files, fsGroup);
  return { kind: 'made', path, ...(tokens.size === 0 ? {} : { refreshAt }) };
}

function podIPs({ status }: Pod): readonly string[] {
  return (status?.podIPs ?? []).map(({ ip }) => ip);
}

/**
 * Makes the folder of a volume. One that is there keeps what is in it, and its owner: containers have had it already. Memory is
 * a file system of its own, which a reboot takes away.
 */
async function makeFolder(
  mounts: Mounts,
  path: string,
  medium: Medium,
  { fsGroup, size }: { readonly fsGroup: number | undefined; readonly size?: number | undefined },
): Promise<void> {
  const mode = EMPTY_DIR_MODE | (fsGroup === undefined ? 0 : SETGID);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const isNew = await makeOne(path);
  if (medium === 'memory' && !(await isMountPoint(path))) {
    await mounts.tmpfs(path, { mode, ...(size === undefined ? {} : { size }) });
  } else if (!isNew) {
    return;
  }
  if (fsGroup !== undefined) await chown(path, 0, fsGroup);
  await chmod(path, mode);
}

async function makeOne(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

async function isMountPoint(path: string): Promise<boolean> {
  const [own, parent] = await Promise.all([stat(path), stat(dirname(path))]);
  return own.dev !== parent.dev;
}

/** Bytes in memory: what the volume says, no more than the pod may use, no more than the node has. */
function memoryLimit({ spec }: Pod, sizeLimit: number | undefined, allocatable: Quantities): number | undefined {
  const limits = (spec?.containers ?? []).map(({ resources }) => inUnits(resources?.limits?.['memory']));
  const ofPod = limits.every((limit) => limit > 0) ? limits.reduce((sum, limit) => sum + limit, 0) : 0;
  const bounds = [sizeLimit ?? 0, ofPod, inUnits(allocatable['memory'])].filter((bound) => bound > 0);
  return bounds.length === 0 ? undefined : Math.min(...bounds);
}
