/** core/v1 Secret: small things that only some should read. https://kubernetes.io/docs/concepts/configuration/secret/ */
import { defineKind, type Resource } from '../../kind.ts';
import { boolean, bytes, map, object, string, type TypeOf, withDefault } from '../../schema.ts';
import { OPAQUE, validateSecret } from './secret.validation.ts';

const fields = object(
  {
    data: map(bytes(), 'Bytes by key, in base64.'),
    stringData: map(string(), 'Text by key, which is put into data; never shown.'),
    type: withDefault(string('Which keys there must be; it never changes. Default: Opaque.'), OPAQUE),
    immutable: boolean('Whether data can be changed no more.'),
  },
  'Small things that only some should read: keys, passwords, tokens.',
);
export type Secret = Resource<TypeOf<typeof fields>>;

/** The text goes where the bytes are, and nothing is left of it. */
function defaultSecret({ stringData, ...secret }: Secret): Secret {
  const added = Object.entries(stringData ?? {}).map(
    ([key, text]) => [key, Buffer.from(text, 'utf8').toString('base64')] as const,
  );
  const data = added.length === 0 ? secret.data : { ...secret.data, ...Object.fromEntries(added) };
  return { ...secret, ...(data === undefined ? {} : { data }), type: secret.type || OPAQUE };
}

export const Secret = defineKind({
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  namespaced: true,
  generation: false,
  schema: fields,
  selectableFields: { type: ({ type }) => type ?? '' },
  defaults: defaultSecret,
  validate: validateSecret,
  columns: [
    { name: 'Type', type: 'string', value: ({ type }) => type ?? '' },
    { name: 'Data', type: 'string', value: ({ data }) => Object.keys(data ?? {}).length },
  ],
});
