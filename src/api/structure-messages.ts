/** Words for values of the wrong type: what was found, what is due there, and what to write instead. */
import type { SchemaNode } from './schema.ts';
import { isMapping, type Mapping } from './value.ts';

const MAX_NAMED = 8;

/** What was found, for a person: `a mapping with the keys name, port`, `the text "80"`. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing (null)';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${count(value.length, 'item')}`;
  if (isMapping(value)) return describeMapping(Object.keys(value));
  if (typeof value === 'string')
    return value === '' ? 'an empty text' : `the text ${JSON.stringify(shorten(value, 64))}`;
  if (typeof value === 'number') return `the number ${value}`;
  return `${value}`;
}

/** What is due at a field, and how to write it. */
export function remedy(node: SchemaNode, value: unknown, field: string): string {
  const name = field === '' ? 'an object' : field;
  if (node['x-kubernetes-int-or-string']) return `${name} is a number or text: write one value`;
  switch (node.type) {
    case 'array':
      return `${name} is a list: begin each ${singular(lastName(field))} with '- '${asList(node, value, field)}`;
    case 'object':
      return `${name} is a mapping${fieldsOf(node)}: ${forMapping(value)}`;
    case 'string':
      return `${name} is text: ${forText(value)}`;
    case 'boolean':
      return `${name} is true or false: ${typeof value === 'string' ? 'write it without quotes' : 'write one of them'}`;
    default:
      return `${name} is a whole number: ${forNumber(node, value)}`;
  }
}

function describeMapping(keys: readonly string[]): string {
  if (keys.length === 0) return 'an empty mapping';
  const named = keys.slice(0, MAX_NAMED).map((key) => shorten(key, 32));
  const rest = keys.length > MAX_NAMED ? ` and ${keys.length - MAX_NAMED} more` : '';
  return `a mapping with the ${keys.length === 1 ? 'key' : 'keys'} ${named.join(', ')}${rest}`;
}

/** What was written as one element, or as several by name, as the list that it should have been: to be copied. */
function asList(node: SchemaNode, value: unknown, field: string): string {
  if (!isMapping(value)) return '';
  const elements = [[value], Object.values(value)].find((all) => all.every((one) => isElement(node.items, one)));
  if (elements === undefined || elements.length === 0 || elements.length > MAX_NAMED) return '';
  const lines = elements.flatMap((one) =>
    Object.entries(one as Mapping).map(([key, item], i) => `${i === 0 ? '- ' : '  '}${key}: ${scalar(item)}`),
  );
  return `:\n  ${lastName(field)}:\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

/** Whether a value could be an element: a mapping of single values whose keys are all known there. */
function isElement(items: SchemaNode | undefined, value: unknown): boolean {
  const entries = isMapping(value) ? Object.entries(value) : [];
  const isKnown = (key: string) => items?.properties !== undefined && Object.hasOwn(items.properties, key);
  return entries.length > 0 && entries.every(([key, item]) => isKnown(key) && !(item instanceof Object));
}

/** One value as YAML. */
function scalar(value: unknown): string {
  const isPlain =
    typeof value === 'string' && /^[A-Za-z][\w.-]{0,63}$/.test(value) && !/^(true|false|null)$/i.test(value);
  return isPlain ? value : shorten(JSON.stringify(value) ?? 'null', 64);
}

function fieldsOf(node: SchemaNode): string {
  const names = Object.keys(node.properties ?? {});
  if (names.length === 0) return '';
  return ` with fields such as ${names.slice(0, 4).join(', ')}`;
}

function forMapping(value: unknown): string {
  if (!Array.isArray(value)) return "write each of them on a line as 'key: value'";
  return value.length === 1 ? "leave out the '- '" : "leave out the '- ' of each line";
}

function forText(value: unknown): string {
  const plain = typeof value === 'number' || typeof value === 'boolean';
  return plain ? `put it in quotes: "${value}"` : 'write one value';
}

function forNumber(node: SchemaNode, value: unknown): string {
  if (typeof value === 'string' && /^-?\d{1,15}$/.test(value)) return `write ${value} without quotes`;
  if (typeof value !== 'number') return 'write digits only, without quotes';
  if (!Number.isInteger(value)) return 'write it without a fraction';
  return node.format === 'int64' ? 'at most 2^53 - 1' : 'from -2147483648 to 2147483647';
}

function lastName(field: string): string {
  return /([A-Za-z]+)(\[[^\]]*\])*$/.exec(field)?.[1] ?? 'item';
}

/** `ports` to `port`, `addresses` to `address`, `capacities` to `capacity`; `args` to `arg`. */
function singular(name: string): string {
  if (/ies$/.test(name)) return `${name.slice(0, -3)}y`;
  if (/(ss|x|ch|sh)es$/.test(name)) return name.slice(0, -2);
  return /[^s]s$/.test(name) ? name.slice(0, -1) : 'item';
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
