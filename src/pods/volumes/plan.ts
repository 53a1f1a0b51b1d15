/** What a pod's volume is to be: every source in one form. https://kubernetes.io/docs/concepts/storage/volumes/ */
import type { DownwardAPIFile, KeyToPath, Volume, VolumeProjection } from '../../api/core/v1/volume.ts';
import type { ObjectKind } from '../config/objects.ts';
import { inUnits } from '../config/quantities.ts';

/** Where the bytes of a volume are. */
export type Medium = 'disk' | 'memory';

/** Where files of a volume come from. */
export type FileSource =
  | {
      readonly kind: ObjectKind;
      readonly name: string;
      /** Which keys, and as what; undefined for all. */
      readonly items: readonly KeyToPath[] | undefined;
      readonly optional: boolean;
    }
  | { readonly kind: 'downwardAPI'; readonly items: readonly DownwardAPIFile[] }
  | TokenSource;

/** A token in a projected volume. */
export interface TokenSource {
  readonly kind: 'token';
  readonly path: string;
  /** Undefined: the API server itself. */
  readonly audience: string | undefined;
  readonly expirationSeconds: number;
}

/** How a volume is made, whatever its source. */
export type VolumePlan =
  | { readonly kind: 'emptyDir'; readonly medium: Medium; readonly sizeLimit: number | undefined }
  | { readonly kind: 'hostPath'; readonly path: string; readonly type: string }
  | {
      readonly kind: 'files';
      readonly medium: Medium;
      readonly sources: readonly FileSource[];
      readonly defaultMode: number;
    }
  | { readonly kind: 'refused'; readonly message: string };

const DEFAULT_MODE = 0o644;
/** Kubernetes' default life of a token in a volume, in seconds. */
const TOKEN_LIFE = 3600;
const SUPPORTED = 'emptyDir, hostPath, configMap, secret, downwardAPI or projected';

/** Reads how a volume of a spec is to be made. */
export function volumePlan(volume: Volume): VolumePlan {
  const { emptyDir, hostPath, configMap, secret, downwardAPI, projected } = volume;
  if (emptyDir) return emptyDirPlan(emptyDir);
  if (hostPath) return { kind: 'hostPath', path: hostPath.path, type: hostPath.type ?? '' };
  if (configMap) {
    return files('disk', configMap.defaultMode, [objectSource('ConfigMap', configMap.name, configMap)]);
  }
  // What only some should read is not left on a disk.
  if (secret) return files('memory', secret.defaultMode, [objectSource('Secret', secret.secretName, secret)]);
  if (downwardAPI) return files('memory', downwardAPI.defaultMode, [downward(downwardAPI)]);
  if (projected) return projectedPlan(projected);
  const found = Object.keys(volume).filter((key) => key !== 'name');
  return refused(`volumes of ${found.join(', ') || 'no source'} are not supported here; use ${SUPPORTED}`);
}

function emptyDirPlan({ medium = '', sizeLimit }: NonNullable<Volume['emptyDir']>): VolumePlan {
  if (medium !== '' && medium !== 'Memory') {
    return refused(`emptyDir.medium is ${JSON.stringify(medium)}, which is not supported here; use "" or "Memory"`);
  }
  const bytes = inUnits(sizeLimit);
  return {
    kind: 'emptyDir',
    medium: medium === 'Memory' ? 'memory' : 'disk',
    sizeLimit: bytes === 0 ? undefined : bytes,
  };
}

function projectedPlan({ sources = [], defaultMode }: NonNullable<Volume['projected']>): VolumePlan {
  const planned: FileSource[] = [];
  for (const source of sources) {
    const one = projectedSource(source);
    if (one === undefined) {
      const found = Object.keys(source).join(', ') || 'no source';
      const known = 'configMap, secret, downwardAPI or serviceAccountToken';
      return refused(`projected sources of ${found} are not supported here; use ${known}`);
    }
    planned.push(one);
  }
  return files('memory', defaultMode, planned);
}

function projectedSource(source: VolumeProjection): FileSource | undefined {
  const { configMap, secret, downwardAPI, serviceAccountToken: token } = source;
  if (configMap) return objectSource('ConfigMap', configMap.name, configMap);
  if (secret) return objectSource('Secret', secret.name, secret);
  if (downwardAPI) return downward(downwardAPI);
  if (token === undefined) return undefined;
  const { path, audience, expirationSeconds = TOKEN_LIFE } = token;
  return { kind: 'token', path, audience: audience || undefined, expirationSeconds };
}

function objectSource(
  kind: ObjectKind,
  name: string | undefined,
  { items = [], optional }: { readonly items?: readonly KeyToPath[]; readonly optional?: boolean },
): FileSource {
  return { kind, name: name ?? '', items: items.length === 0 ? undefined : items, optional: optional ?? false };
}

function downward({ items = [] }: { readonly items?: readonly DownwardAPIFile[] }): FileSource {
  return { kind: 'downwardAPI', items };
}

function files(medium: Medium, defaultMode: number | undefined, sources: readonly FileSource[]): VolumePlan {
  return { kind: 'files', medium, sources, defaultMode: defaultMode ?? DEFAULT_MODE };
}

function refused(message: string): VolumePlan {
  return { kind: 'refused', message };
}
