/** What a volume means where it says nothing. */
import { canonicalQuantity } from '../../../canonical-quantity.ts';
import type { DownwardAPIFile, Volume, VolumeProjection } from '../volume.ts';

/** Permissions of files in volumes: 0644. */
const DEFAULT_MODE = 0o644;
/** Seconds that a token in a projected volume is good for. */
const TOKEN_SECONDS = 3600;

/** A volume without a source is an empty directory. */
export function defaultVolume(volume: Volume): Volume {
  const { emptyDir, hostPath, configMap, secret, downwardAPI, projected } = volume;
  return {
    ...volume,
    ...(Object.keys(volume).some((key) => key !== 'name') ? {} : { emptyDir: {} }),
    ...(emptyDir?.sizeLimit === undefined
      ? {}
      : { emptyDir: { ...emptyDir, sizeLimit: canonicalQuantity(emptyDir.sizeLimit) } }),
    ...(hostPath === undefined ? {} : { hostPath: { ...hostPath, type: hostPath.type ?? '' } }),
    ...(configMap === undefined ? {} : { configMap: withMode(configMap) }),
    ...(secret === undefined ? {} : { secret: withMode(secret) }),
    ...(downwardAPI === undefined ? {} : { downwardAPI: withMode(withFields(downwardAPI)) }),
    ...(projected === undefined
      ? {}
      : { projected: withMode({ ...projected, sources: (projected.sources ?? []).map(defaultProjection) }) }),
  };
}

function withMode<T extends { readonly defaultMode?: number }>(source: T): T {
  return { ...source, defaultMode: source.defaultMode ?? DEFAULT_MODE };
}

function withFields<T extends { readonly items?: readonly DownwardAPIFile[] }>(source: T): T {
  return source.items === undefined ? source : { ...source, items: source.items.map(defaultFile) };
}

function defaultFile(file: DownwardAPIFile): DownwardAPIFile {
  const { fieldRef, resourceFieldRef } = file;
  return {
    ...file,
    ...(fieldRef === undefined ? {} : { fieldRef: { ...fieldRef, apiVersion: fieldRef.apiVersion || 'v1' } }),
    ...(resourceFieldRef === undefined
      ? {}
      : { resourceFieldRef: { ...resourceFieldRef, divisor: canonicalQuantity(resourceFieldRef.divisor ?? '0') } }),
  };
}

function defaultProjection(part: VolumeProjection): VolumeProjection {
  const { serviceAccountToken, downwardAPI } = part;
  return {
    ...part,
    ...(serviceAccountToken === undefined
      ? {}
      : {
          serviceAccountToken: {
            ...serviceAccountToken,
            expirationSeconds: serviceAccountToken.expirationSeconds ?? TOKEN_SECONDS,
          },
        }),
    ...(downwardAPI === undefined ? {} : { downwardAPI: withFields(downwardAPI) }),
  };
}
