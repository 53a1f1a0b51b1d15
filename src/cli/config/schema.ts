/** The JSON Schema of a kind of configuration file, for editors. https://json-schema.org/draft/2020-12/schema */
import type { ConfigField } from './fields.ts';
import { CONFIG_API_VERSION, type ConfigKind } from './kinds.ts';

type Schema = Readonly<Record<string, unknown>>;

export function configSchema(kind: ConfigKind, fields: readonly ConfigField[]): Schema {
  const properties = fields
    .filter(({ shape }) => shape !== 'secret')
    .map((field) => [
      field.key,
      { description: field.description, ...typeOf(field), ...(field.preset === undefined ? {} : defaultOf(field)) },
    ]);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: kind,
    type: 'object',
    required: ['apiVersion', 'kind'],
    additionalProperties: false,
    properties: {
      apiVersion: { const: CONFIG_API_VERSION },
      kind: { const: kind },
      ...Object.fromEntries(properties),
    },
  };
}

const TEXT = { type: 'string' } as const;
/** YAML's 0 is a number, and a time. */
const TIME = { type: ['string', 'integer'], pattern: '^([0-9]+(\\.[0-9]+)?[a-z]+|0)$' } as const;

function typeOf({ shape, choices, placeholder }: ConfigField): Schema {
  if (choices !== undefined) return { enum: choices };
  switch (shape) {
    case 'boolean':
    case 'switch':
      return { type: 'boolean' };
    case 'integer':
      return { type: 'integer', minimum: 0 };
    case 'list':
    case 'repeated':
      return { anyOf: [TEXT, { type: 'array', items: TEXT }] };
    default:
      return placeholder === 'time' || placeholder === 'duration' ? TIME : TEXT;
  }
}

function defaultOf({ shape, preset = '' }: ConfigField): Schema {
  if (shape === 'integer') return { default: Number(preset) };
  return { default: shape === 'boolean' ? preset === 'true' : preset };
}
