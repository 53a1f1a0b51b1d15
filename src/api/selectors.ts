/**
 * Label and field selectors: parsed, matched, printed.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
 */
import type { AnyKind } from './kinds.ts';
import type { KubeObject, LabelSelector } from './meta/v1.ts';
import { labelKeyMistake, labelValueMistake } from './names.ts';
import { type ApiError, badRequest } from './status.ts';

type Operator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';

/** One condition on one label. */
export interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  /** Empty for Exists and DoesNotExist; one whole number for Gt and Lt. */
  readonly values: readonly string[];
}

/** All requirements must hold; none means that everything matches. */
export type Selector = readonly Requirement[];

type Labels = Readonly<Record<string, string>>;

/** No selector of a client is longer than this, in characters. */
const MAX_TEXT = 64 * 1024;

/** Whether an object with these labels is selected. */
export function matchesLabels(selector: Selector, labels: Labels | undefined): boolean {
  return selector.every((requirement) => holds(requirement, labels ?? {}));
}

/** The selector that a map of labels stands for, as in Service.spec.selector. An empty map selects everything here. */
export function selectorOfLabels(labels: Labels): Selector {
  return Object.entries(labels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => ({ key, operator: 'In', values: [value] }));
}

/**
 * The selector that a LabelSelector object stands for; the empty one selects everything. Throws an ApiError, BadRequest,
 * on an operator that does not exist, or values that do not fit it.
 */
export function selectorOf(object: LabelSelector): Selector {
  const expressions = (object.matchExpressions ?? []).map(({ key, operator, values = [] }) =>
    checked({ key, operator: operatorOf(operator, key), values }),
  );
  return [...selectorOfLabels(object.matchLabels ?? {}), ...expressions];
}

/** Reads `a=b,c!=d,e in (f,g),!h`. Throws an ApiError, BadRequest. The empty text selects everything. */
export function parseLabelSelector(text: string): Selector {
  if (text.length > MAX_TEXT) throw badRequest(`label selector is longer than ${MAX_TEXT} characters`);
  return splitTopLevel(text).map((part) => checked(parseRequirement(part)));
}

/** The text form that {@link parseLabelSelector} reads. */
export function printLabelSelector(selector: Selector): string {
  return selector.map(printRequirement).join(',');
}

/** One comparison of a field. */
export interface FieldRequirement {
  readonly field: string;
  readonly equal: boolean;
  readonly value: string;
}
export type FieldSelector = readonly FieldRequirement[];

/** Reads `metadata.name=x,status.phase!=Running`. Throws an ApiError, BadRequest, naming the fields that a kind offers. */
export function parseFieldSelector(kind: AnyKind, text: string): FieldSelector {
  if (text.length > MAX_TEXT) throw badRequest(`field selector is longer than ${MAX_TEXT} characters`);
  const allowed = ['metadata.name', ...(kind.namespaced ? ['metadata.namespace'] : []), ...fieldNames(kind)];
  return splitFields(text).map((part) => {
    const match = /^([^=!]*)(==|!=|=)(.*)$/s.exec(part.trim());
    if (match === null) throw badRequest(`invalid field selector ${quote(part)}: write FIELD=VALUE or FIELD!=VALUE`);
    const [, field = '', operator, value = ''] = match;
    if (!allowed.includes(field)) {
      throw badRequest(`field label not supported: ${quote(field)}; ${kind.plural} offer ${allowed.join(', ')}`);
    }
    return { field, equal: operator !== '!=', value: value.replace(/\\([\\,=])/g, '$1') };
  });
}

/** Whether an object has the field values that are asked for. */
export function matchesFields(kind: AnyKind, selector: FieldSelector, object: KubeObject): boolean {
  return selector.every(({ field, equal, value }) => (fieldValue(kind, field, object) === value) === equal);
}

function fieldNames(kind: AnyKind): readonly string[] {
  return Object.keys(kind.selectableFields);
}

function fieldValue(kind: AnyKind, field: string, object: KubeObject): string {
  if (field === 'metadata.name') return object.metadata.name ?? '';
  if (field === 'metadata.namespace') return object.metadata.namespace ?? '';
  return Object.hasOwn(kind.selectableFields, field) ? (kind.selectableFields[field]?.(object) ?? '') : '';
}

function holds({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default: {
      if (value === undefined || !/^-?\d{1,15}$/.test(value)) return false;
      return operator === 'Gt' ? Number(value) > Number(values[0]) : Number(value) < Number(values[0]);
    }
  }
}

/** Splits at commas outside parentheses. */
function splitTopLevel(text: string): readonly string[] {
  if (text.trim() === '') return [];
  const parts: string[] = [];
  let start = 0;
  let inside = false;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(') inside = true;
    else if (text[i] === ')') inside = false;
    else if (text[i] === ',' && !inside) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return [...parts, text.slice(start)].map((part) => part.trim());
}

/** Splits at commas that no backslash escapes. */
function splitFields(text: string): readonly string[] {
  return text.match(/(?:\\.|[^\\,])+/gs) ?? [];
}

function parseRequirement(text: string): Requirement {
  const sets = /^([^\s=!<>(),]+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(text);
  if (sets !== null) {
    const values = (sets[3] ?? '').split(',').map((value) => value.trim());
    return { key: sets[1] ?? '', operator: sets[2] === 'in' ? 'In' : 'NotIn', values };
  }
  const equality = /^([^\s=!<>(),]+)\s*(==|!=|=|>|<)\s*([^\s=!<>(),]*)$/.exec(text);
  if (equality !== null) {
    const operators: Readonly<Record<string, Operator>> = {
      '=': 'In',
      '==': 'In',
      '!=': 'NotIn',
      '>': 'Gt',
      '<': 'Lt',
    };
    return { key: equality[1] ?? '', operator: operators[equality[2] ?? ''] ?? 'In', values: [equality[3] ?? ''] };
  }
  const existence = /^(!?)\s*([^\s=!<>(),]+)$/.exec(text);
  if (existence === null) {
    throw unparsable(text, 'write KEY=VALUE, KEY!=VALUE, KEY in (A,B), KEY notin (A,B), KEY or !KEY');
  }
  return { key: existence[2] ?? '', operator: existence[1] === '!' ? 'DoesNotExist' : 'Exists', values: [] };
}

function operatorOf(text: string, key: string): Operator {
  if (text === 'In' || text === 'NotIn' || text === 'Exists' || text === 'DoesNotExist') return text;
  throw unparsable(key, `${quote(text)} is not an operator: In, NotIn, Exists and DoesNotExist are`);
}

function checked(requirement: Requirement): Requirement {
  const { key, operator, values } = requirement;
  const keyMistake = labelKeyMistake(key);
  if (keyMistake !== undefined) throw unparsable(key, keyMistake);
  const isSet = operator === 'In' || operator === 'NotIn';
  if (isSet && values.length === 0) throw unparsable(key, `${operator} needs at least one value`);
  if (!isSet && operator.endsWith('xist') && values.length > 0) throw unparsable(key, `${operator} takes no values`);
  if ((operator === 'Gt' || operator === 'Lt') && !/^-?\d{1,15}$/.test(values[0] ?? '')) {
    throw unparsable(key, `${operator} needs one whole number`);
  }
  for (const value of values) {
    const mistake = labelValueMistake(value);
    if (mistake !== undefined) throw unparsable(`${key}=${value}`, mistake);
  }
  return requirement;
}

function printRequirement({ key, operator, values }: Requirement): string {
  switch (operator) {
    case 'Exists':
      return key;
    case 'DoesNotExist':
      return `!${key}`;
    case 'Gt':
    case 'Lt':
      return `${key}${operator === 'Gt' ? '>' : '<'}${values[0]}`;
    default:
      if (values.length === 1) return `${key}${operator === 'In' ? '=' : '!='}${values[0]}`;
      return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`;
  }
}

function unparsable(text: string, why: string): ApiError {
  return badRequest(`unable to parse requirement ${quote(text)}: ${why}`);
}

function quote(text: string): string {
  return JSON.stringify(text.length > 256 ? `${text.slice(0, 256)}…` : text);
}
