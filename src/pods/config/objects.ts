/** The ConfigMaps and Secrets that a pod names. */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Container } from '../../api/core/v1/pod-spec.ts';

/** Kinds of objects that containers are configured with. */
export type ObjectKind = 'ConfigMap' | 'Secret';

/** Content of a ConfigMap or Secret by key. */
export type ObjectData = ReadonlyMap<string, Uint8Array>;

/** Those of one namespace. */
export interface NamedObjects {
  /** For files. Undefined when there is no such object. */
  data(kind: ObjectKind, name: string): ObjectData | undefined;
  /** For variables, which are text: a ConfigMap's binaryData is not among them. Undefined when there is no such object. */
  texts(kind: ObjectKind, name: string): ReadonlyMap<string, string> | undefined;
}

/** An object that a pod names in its own namespace. */
export interface ObjectRef {
  readonly kind: ObjectKind;
  readonly name: string;
}

/** All that a pod's variables and volumes are made from, each once. */
export function objectRefs({ spec }: Pod): readonly ObjectRef[] {
  const { containers = [], initContainers = [], volumes = [] } = spec ?? {};
  const refs = [...containers, ...initContainers].flatMap(containerRefs);
  for (const { configMap, secret, projected } of volumes) {
    refs.push(...named('ConfigMap', configMap?.name), ...named('Secret', secret?.secretName));
    for (const source of projected?.sources ?? []) {
      refs.push(...named('ConfigMap', source.configMap?.name), ...named('Secret', source.secret?.name));
    }
  }
  return [...new Map(refs.map((ref) => [`${ref.kind}/${ref.name}`, ref])).values()];
}

function containerRefs({ env = [], envFrom = [] }: Container): ObjectRef[] {
  return [
    ...env.flatMap(({ valueFrom }) => [
      ...named('ConfigMap', valueFrom?.configMapKeyRef?.name),
      ...named('Secret', valueFrom?.secretKeyRef?.name),
    ]),
    ...envFrom.flatMap(({ configMapRef, secretRef }) => [
      ...named('ConfigMap', configMapRef?.name),
      ...named('Secret', secretRef?.name),
    ]),
  ];
}

function named(kind: ObjectKind, name: string | undefined): ObjectRef[] {
  return name ? [{ kind, name }] : [];
}

/** What a ConfigMap or Secret holds. */
export interface Content {
  readonly data?: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
}

/** The bytes of an object: a ConfigMap's data is text, all else base64. */
export function dataOf(kind: ObjectKind, { data = {}, binaryData = {} }: Content): ObjectData {
  const encoding = kind === 'ConfigMap' ? 'utf8' : 'base64';
  return new Map([
    ...Object.entries(data).map(([key, value]) => [key, Buffer.from(value, encoding)] as const),
    ...Object.entries(binaryData).map(([key, value]) => [key, Buffer.from(value, 'base64')] as const),
  ]);
}

/** What of an object variables can be made of. */
export function textsOf(kind: ObjectKind, { data = {} }: Content): ReadonlyMap<string, string> {
  const texts = Object.entries(data);
  return new Map(
    kind === 'ConfigMap' ? texts : texts.map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
  );
}
