/** A configuration file's text, read and checked: the settings in it, and every mistake with its place. */
import { type Document, isMap, isScalar, LineCounter, type Node, type Pair, parseDocument } from 'yaml';
import type { ConfigField } from './fields.ts';
import { CONFIG_API_VERSION, CONFIG_COMMANDS, CONFIG_KINDS, type ConfigKind, isConfigKind } from './kinds.ts';
import { nearest } from './nearest.ts';
import { readValue } from './value.ts';

/** Counted from 1, as editors do. */
export interface Mistake {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** One key of a file: which option, and the values to give it, as they would be typed; none for a switch. */
export interface Setting {
  readonly field: ConfigField;
  readonly values: readonly string[];
}

export interface ReadConfig {
  /** Undefined when the file does not say, or says what there is not. */
  readonly kind: ConfigKind | undefined;
  readonly settings: readonly Setting[];
  /** In the order of the file. */
  readonly mistakes: readonly Mistake[];
}

/** Reads a file of one of the kinds. */
export function readConfig(text: string, fieldsOf: (kind: ConfigKind) => readonly ConfigField[]): ReadConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const told: Mistake[] = document.errors.map(({ pos, message, code }) =>
    at(lines, pos[0], code === 'RESOURCE_EXHAUSTION' ? 'it is nested too deeply to be read' : message),
  );
  if (told.length > 0) return { kind: undefined, settings: [], mistakes: told };
  const reading: Reading = {
    tell: (node, message) => told.push(at(lines, node?.range?.[0] ?? 0, message)),
  };
  const { kind, settings } = readTop(document, fieldsOf, reading);
  return { kind, settings, mistakes: told.sort((a, b) => a.line - b.line || a.column - b.column) };
}

/** Gathers what is wrong, and where. */
export interface Reading {
  tell(node: Node | null | undefined, message: string): void;
}

function at(lines: LineCounter, offset: number, message: string): Mistake {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1), message };
}

type Top = Pick<ReadConfig, 'kind' | 'settings'>;

function readTop(
  { contents }: Document.Parsed,
  fieldsOf: (kind: ConfigKind) => readonly ConfigField[],
  reading: Reading,
): Top {
  if (!isMap(contents)) {
    const first = `apiVersion: ${CONFIG_API_VERSION} and kind: ${CONFIG_KINDS.join(', ')}`;
    reading.tell(contents, `the file must be a mapping that begins with ${first.replace(/, (\w+)$/, ' or $1')}`);
    return { kind: undefined, settings: [] };
  }
  const entries = contents.items.map((pair) => ({ key: keyOf(pair), pair }));
  const find = (name: string) => entries.find(({ key }) => key === name)?.pair;
  readVersion(find('apiVersion'), contents, reading);
  const kind = readKind(find('kind'), contents, reading);
  if (kind === undefined) return { kind, settings: [] };
  const fields = new Map(fieldsOf(kind).map((field) => [field.key, field]));
  const settings = entries.flatMap(({ key, pair }): readonly Setting[] => {
    if (key === 'apiVersion' || key === 'kind') return [];
    const field = fields.get(key);
    if (field === undefined) {
      reading.tell(pair.key as Node, unknownKey(key, [...fields.keys()], kind));
      return [];
    }
    const values = readValue(field, pair, reading);
    return values === undefined ? [] : [{ field, values }];
  });
  return { kind, settings };
}

const keyOf = ({ key }: Pair): string => (isScalar(key) ? String(key.value) : '');

/** The text of a scalar; undefined for what is none, or is an alias. */
const scalarText = (node: unknown): string | undefined =>
  isScalar(node) && typeof node.value === 'string' ? node.value : undefined;

function readVersion(pair: Pair | undefined, whole: Node, { tell }: Reading): void {
  const found = scalarText(pair?.value);
  if (found === CONFIG_API_VERSION) return;
  const wanted = `write apiVersion: ${CONFIG_API_VERSION}`;
  if (pair === undefined) tell(whole, `apiVersion is missing: ${wanted}`);
  else tell((pair.value ?? pair.key) as Node, `apiVersion: ${said(found)} is not known here: ${wanted}`);
}

function readKind(pair: Pair | undefined, whole: Node, { tell }: Reading): ConfigKind | undefined {
  const found = scalarText(pair?.value);
  if (found !== undefined && isConfigKind(found)) return found;
  const kinds = CONFIG_KINDS.map((kind) => `${kind} (for postern ${CONFIG_COMMANDS[kind]})`).join(', ');
  if (pair === undefined) tell(whole, `kind is missing: it is one of ${kinds}`);
  else tell((pair.value ?? pair.key) as Node, `kind: ${said(found)} is none: it is one of ${kinds}`);
  return undefined;
}

const said = (found: string | undefined) => (found === undefined ? 'what is there' : JSON.stringify(found));

function unknownKey(key: string, known: readonly string[], kind: ConfigKind): string {
  const meant = nearest(key, known);
  const remedy =
    meant === undefined ? `postern config example --kind ${kind} lists the keys` : `did you mean ${meant}?`;
  return `${key}: there is no such key: ${remedy}`;
}
