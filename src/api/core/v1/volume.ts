/**
 * What a pod's volume is made from. Sources that Postern has no part for are kept as they came, and refused where they would be
 * used. https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/volume/
 */
import {
  anything,
  boolean,
  int32,
  int64,
  list,
  object,
  quantity,
  required,
  string,
  type TypeOf,
} from '../../schema.ts';

const keyToPath = object({ key: required(string()), path: required(string()), mode: int32() });
const fieldRef = object({ apiVersion: string(), fieldPath: required(string()) });
const resourceFieldRef = object({ containerName: string(), resource: required(string()), divisor: quantity() });
const downwardAPIFile = object({ path: required(string()), fieldRef, resourceFieldRef, mode: int32() });

/** One part of a projected volume. */
const projection = object({
  configMap: object({ name: string(), items: list(keyToPath), optional: boolean() }),
  secret: object({ name: string(), items: list(keyToPath), optional: boolean() }),
  downwardAPI: object({ items: list(downwardAPIFile) }),
  serviceAccountToken: object({ audience: string(), expirationSeconds: int64(), path: required(string()) }),
  clusterTrustBundle: anything(),
  podCertificate: anything(),
});

/** The schema of one of a pod's volumes. */
export const volume = object({
  name: required(string()),
  emptyDir: object({ medium: string('Memory, or the node’s disk.'), sizeLimit: quantity() }),
  hostPath: object({ path: required(string()), type: string() }),
  configMap: object({ name: string(), items: list(keyToPath), defaultMode: int32(), optional: boolean() }),
  secret: object({ secretName: string(), items: list(keyToPath), defaultMode: int32(), optional: boolean() }),
  downwardAPI: object({ items: list(downwardAPIFile), defaultMode: int32() }),
  projected: object({ sources: list(projection), defaultMode: int32() }),
  // Those that no part of Postern makes.
  awsElasticBlockStore: anything(),
  azureDisk: anything(),
  azureFile: anything(),
  cephfs: anything(),
  cinder: anything(),
  csi: anything(),
  ephemeral: anything(),
  fc: anything(),
  flexVolume: anything(),
  flocker: anything(),
  gcePersistentDisk: anything(),
  gitRepo: anything(),
  glusterfs: anything(),
  image: anything(),
  iscsi: anything(),
  nfs: anything(),
  persistentVolumeClaim: anything(),
  photonPersistentDisk: anything(),
  portworxVolume: anything(),
  quobyte: anything(),
  rbd: anything(),
  scaleIO: anything(),
  storageos: anything(),
  vsphereVolume: anything(),
});

export type Volume = TypeOf<typeof volume>;
export type KeyToPath = TypeOf<typeof keyToPath>;
export type DownwardAPIFile = TypeOf<typeof downwardAPIFile>;
export type VolumeProjection = TypeOf<typeof projection>;
