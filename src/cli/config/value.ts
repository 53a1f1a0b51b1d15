/** One value of a configuration file as the texts that its option would be given. */
import { isScalar, isSeq, type Node, type Pair, type Scalar } from 'yaml';
import type { ConfigField, Shape } from './fields.ts';
import type { Reading } from './read.ts';

/** The texts; undefined when the value is wrong, which is told then. */
export function readValue(field: ConfigField, pair: Pair, reading: Reading): readonly string[] | undefined {
  const node = (pair.value ?? pair.key) as Node;
  const wrong = (message: string) => {
    reading.tell(node, `${field.key}: ${message}`);
    return undefined;
  };
  if (field.shape === 'secret') return wrong(`a secret does not belong into this file: use ${field.key}File`);
  if (pair.value === null || (isScalar(pair.value) && pair.value.value === null)) {
    return wrong('it has no value: write one, or take the line out');
  }
  const texts = textsOf(field.shape, pair.value);
  if (texts === undefined) return wrong(`${found(pair.value)}: ${ALLOWED[field.shape]}`);
  const mistake = field.shape === 'switch' ? undefined : field.mistakeIn(texts);
  return mistake === undefined ? texts : wrong(`${JSON.stringify(mistake.value)} is invalid. ${mistake.message}`);
}

const ALLOWED: Readonly<Record<Shape, string>> = {
  text: 'it is one text',
  boolean: 'it is true or false',
  integer: 'it is a whole number, without quotes',
  switch: 'it is true or false',
  list: 'it is a list of texts, or one text with commas between',
  repeated: 'it is a text, or a list of texts',
  secret: '',
};

function textsOf(shape: Shape, node: unknown): readonly string[] | undefined {
  if (isSeq(node)) {
    if (shape !== 'list' && shape !== 'repeated') return undefined;
    const texts = node.items.map((item) => (isScalar(item) ? textOf(item) : undefined));
    if (texts.includes(undefined)) return undefined;
    return shape === 'repeated' ? (texts as string[]) : [texts.join(',')];
  }
  if (!isScalar(node)) return undefined;
  switch (shape) {
    case 'switch':
      return typeof node.value === 'boolean' ? (node.value ? [''] : []) : undefined;
    case 'boolean':
      return typeof node.value === 'boolean' ? [String(node.value)] : undefined;
    case 'integer':
      return Number.isInteger(node.value) ? [String(node.value)] : undefined;
    default: {
      const text = textOf(node);
      return text === undefined ? undefined : [text];
    }
  }
}

/** As it was written, so that 0 and 1.10 stay what they are. */
function textOf({ value, source }: Scalar): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? (source ?? String(value)) : undefined;
}

function found(node: unknown): string {
  if (isSeq(node)) return 'what is there is a list';
  if (!isScalar(node)) return 'what is there is a mapping or an alias';
  return typeof node.value === 'string'
    ? `${JSON.stringify(node.value)} is a text`
    : `${String(node.value)} is not right`;
}
