/** The files of a volume that is made from objects of the API, as data. */
import { posix } from 'node:path';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { DownwardAPIFile } from '../../api/core/v1/volume.ts';
import { fieldValue, type PodAddresses } from '../config/field-ref.ts';
import type { NamedObjects } from '../config/objects.ts';
import type { Quantities } from '../config/quantities.ts';
import { resourceValue } from '../config/resource-ref.ts';
import { userOf } from '../config/security.ts';
import type { FileSource, TokenSource, VolumePlan } from './plan.ts';

/** A file of a volume, as it is to be. */
export interface VolumeFile {
  readonly content: Uint8Array;
  readonly mode: number;
  /** Default: root. */
  readonly uid?: number;
}

/** By path, relative to the volume. */
export type VolumeFiles = ReadonlyMap<string, VolumeFile>;

export interface FilesInputs {
  readonly pod: Pod;
  readonly addresses: PodAddresses;
  readonly allocatable: Quantities;
  /** Of the pod's namespace. */
  readonly objects: NamedObjects;
  /** The token of each source that wants one. */
  readonly tokens: ReadonlyMap<TokenSource, string>;
}

/** Why the files cannot be told now, in the kubelet's words. */
export interface FilesProblem {
  readonly kind: 'problem';
  readonly message: string;
}

type FilesPlan = Extract<VolumePlan, { readonly kind: 'files' }>;
type Result = VolumeFiles | FilesProblem;

/** Later sources replace files of earlier ones. */
export function volumeFiles(plan: FilesPlan, inputs: FilesInputs): Result {
  const files = new Map<string, VolumeFile>();
  for (const source of plan.sources) {
    const some = filesOf(source, plan.defaultMode, inputs);
    if ('kind' in some) return some;
    for (const [path, file] of some) {
      const normal = posix.normalize(path);
      if (!staysInside(normal)) {
        return problem(`${JSON.stringify(path)} must be a relative path, with no part that is or begins with ".."`);
      }
      files.set(normal, file);
    }
  }
  return files;
}

function filesOf(source: FileSource, defaultMode: number, inputs: FilesInputs): Result {
  if (source.kind === 'downwardAPI') return downwardFiles(source.items, defaultMode, inputs);
  if (source.kind === 'token') return tokenFile(source, defaultMode, inputs);
  const { kind, name, items, optional } = source;
  const data = inputs.objects.data(kind, name);
  if (data === undefined) return optional ? new Map() : problem(`${kind.toLowerCase()} "${name}" not found`);
  if (items === undefined) return new Map([...data].map(([key, content]) => [key, { content, mode: defaultMode }]));
  const files = new Map<string, VolumeFile>();
  for (const { key, path, mode = defaultMode } of items) {
    const content = data.get(key);
    if (content !== undefined) files.set(path, { content, mode });
    else if (!optional) {
      return problem(`references non-existent ${kind === 'Secret' ? 'secret' : 'config'} key: ${key}`);
    }
  }
  return files;
}

function downwardFiles(items: readonly DownwardAPIFile[], defaultMode: number, inputs: FilesInputs): Result {
  const { pod, addresses, allocatable } = inputs;
  const files = new Map<string, VolumeFile>();
  for (const { path, fieldRef, resourceFieldRef, mode = defaultMode } of items) {
    const value = fieldRef
      ? fieldValue(pod, fieldRef.fieldPath, addresses)
      : resourceFieldRef && resourceValue(resourceFieldRef, { pod, container: undefined, allocatable });
    if (value === undefined) {
      return problem(`unsupported fieldPath: ${fieldRef?.fieldPath ?? resourceFieldRef?.resource ?? ''}`);
    }
    files.set(path, { content: Buffer.from(value), mode });
  }
  return files;
}

/** A token is only for those who are the pod: its one user, or its group. */
function tokenFile(source: TokenSource, defaultMode: number, { pod, tokens }: FilesInputs): Result {
  const token = tokens.get(source);
  if (token === undefined) return problem(`there is no token for ${source.path} yet`);
  const uid = onlyUser(pod);
  const isPrivate = uid !== undefined || pod.spec?.securityContext?.fsGroup !== undefined;
  const file = { content: Buffer.from(token), mode: isPrivate ? 0o600 : defaultMode };
  return new Map([[source.path, uid === undefined ? file : { ...file, uid }]]);
}

/** The user that all of a pod's containers run as; undefined when they differ, or an image says. */
function onlyUser(pod: Pod): number | undefined {
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  const [first, ...others] = new Set([...containers, ...initContainers].map((container) => userOf(pod, container)));
  return others.length === 0 ? first : undefined;
}

function staysInside(path: string): boolean {
  const parts = path.split('/');
  return !path.includes('\0') && parts.every((part) => part !== '' && part !== '.' && !part.startsWith('..'));
}

function problem(message: string): FilesProblem {
  return { kind: 'problem', message };
}
