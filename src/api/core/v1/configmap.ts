/** core/v1 ConfigMap: settings by key. https://kubernetes.io/docs/concepts/configuration/configmap/ */
import { forbidden, invalidValue, tooLong } from '../../field-errors.ts';
import { defineKind, type Resource } from '../../kind.ts';
import { mistakeIn } from '../../meta/validation.ts';
import { configKeyMistake } from '../../names.ts';
import { boolean, bytes, map, object, string, type TypeOf } from '../../schema.ts';
import type { Cause } from '../../status.ts';
import { sameValue } from '../../value.ts';

/** Of all keys and values together, in bytes. */
const SIZE_MAX = 1024 * 1024;

const fields = object(
  {
    data: map(string(), 'Text by key.'),
    binaryData: map(bytes(), 'Bytes by key, in base64. No key is in both.'),
    immutable: boolean('Whether nothing of it can be changed any more.'),
  },
  'Settings for pods, by key.',
);
export type ConfigMap = Resource<TypeOf<typeof fields>>;

function validateConfigMap(map: ConfigMap, old: ConfigMap | undefined): readonly Cause[] {
  const { data = {}, binaryData = {} } = map;
  return [
    ...Object.keys(data).flatMap((key) => mistakeIn(`data[${key}]`, key, configKeyMistake(key))),
    ...Object.keys(data)
      .filter((key) => Object.hasOwn(binaryData, key))
      .map((key) => invalidValue(`data[${key}]`, key, 'duplicate of key present in binaryData')),
    ...Object.keys(binaryData).flatMap((key) => mistakeIn(`binaryData[${key}]`, key, configKeyMistake(key))),
    ...(sizeOf(map) > SIZE_MAX ? [tooLong('', SIZE_MAX)] : []),
    ...(old?.immutable === true ? validateFixed(map, old) : []),
  ];
}

function sizeOf({ data = {}, binaryData = {} }: ConfigMap): number {
  const texts = Object.entries(data).reduce((sum, [key, text]) => sum + key.length + Buffer.byteLength(text), 0);
  return Object.entries(binaryData).reduce(
    (sum, [key, text]) => sum + key.length + Buffer.byteLength(text, 'base64'),
    texts,
  );
}

function validateFixed(map: ConfigMap, old: ConfigMap): readonly Cause[] {
  const why = 'field is immutable when `immutable` is set';
  return [
    ...(map.immutable === true ? [] : [forbidden('immutable', why)]),
    ...(sameValue(map.data ?? {}, old.data ?? {}) ? [] : [forbidden('data', why)]),
    ...(sameValue(map.binaryData ?? {}, old.binaryData ?? {}) ? [] : [forbidden('binaryData', why)]),
  ];
}

export const ConfigMap = defineKind({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  shortNames: ['cm'],
  namespaced: true,
  generation: false,
  schema: fields,
  validate: validateConfigMap,
  columns: [
    {
      name: 'Data',
      type: 'string',
      value: ({ data, binaryData }) => String(Object.keys(data ?? {}).length + Object.keys(binaryData ?? {}).length),
    },
  ],
});
