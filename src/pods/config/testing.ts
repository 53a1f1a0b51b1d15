/** Builders for tests. */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Container, PodSpec } from '../../api/core/v1/pod-spec.ts';
import type { Service } from '../../api/core/v1/service.ts';
import type { ImageInfo } from '../cri/cri.ts';
import type { NamedObjects, ObjectKind } from './objects.ts';

export const POD_UID = '5f3e9f0a-7c1d-4b7e-9f3b-1f5a6a8e0c11';

/** A pod with one container, `main`, unless the spec says otherwise. */
export function pod(spec: PodSpec = {}, metadata: Partial<Pod['metadata']> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'shop', uid: POD_UID, resourceVersion: '1', ...metadata },
    spec: { containers: [container()], ...spec },
  };
}

export function container(fields: Partial<Container> = {}): Container {
  return { name: 'main', image: 'example.com/app:1', ...fields };
}

export function service(name: string, spec: NonNullable<Service['spec']>, namespace = 'shop'): Service {
  const metadata = { name, namespace, uid: `service-${namespace}-${name}` };
  return { apiVersion: 'v1', kind: 'Service', metadata, spec };
}

export function image(fields: Partial<ImageInfo> = {}): ImageInfo {
  return { id: 'sha256:1', repoTags: [], repoDigests: [], size: 1, uid: undefined, username: '', ...fields };
}

type Texts = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** ConfigMaps and Secrets by name, with text by key. */
export function objects(byKind: Partial<Record<ObjectKind, Texts>> = {}): NamedObjects {
  const texts = (kind: ObjectKind, name: string) => {
    const found = byKind[kind]?.[name];
    return found && new Map(Object.entries(found));
  };
  return {
    texts,
    data: (kind, name) => {
      const found = texts(kind, name);
      return found && new Map([...found].map(([key, text]) => [key, Buffer.from(text)]));
    },
  };
}
