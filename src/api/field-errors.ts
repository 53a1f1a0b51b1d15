/**
 * Causes in the words of Kubernetes' field errors, which users search for and tools match.
 * https://pkg.go.dev/k8s.io/apimachinery/pkg/util/validation/field
 */
import type { Cause } from './status.ts';

export function requiredValue(field: string, detail = ''): Cause {
  return { field, reason: 'FieldValueRequired', message: `Required value${detail === '' ? '' : `: ${detail}`}` };
}

export function invalidValue(field: string, value: unknown, detail: string): Cause {
  return { field, reason: 'FieldValueInvalid', message: `Invalid value: ${print(value)}: ${detail}` };
}

/** `supported` is told in its own order. */
export function notSupported(field: string, value: unknown, supported: readonly string[]): Cause {
  const list = supported.map((text) => JSON.stringify(text));
  const message = `Unsupported value: ${print(value)}: supported values: ${list.join(', ')}`;
  return { field, reason: 'FieldValueNotSupported', message };
}

export function duplicateValue(field: string, value: unknown): Cause {
  return { field, reason: 'FieldValueDuplicate', message: `Duplicate value: ${print(value)}` };
}

export function notFoundValue(field: string, value: unknown): Cause {
  return { field, reason: 'FieldValueNotFound', message: `Not found: ${print(value)}` };
}

export function forbidden(field: string, detail: string): Cause {
  return { field, reason: 'FieldValueForbidden', message: `Forbidden: ${detail}` };
}

export function tooLong(field: string, limit: number): Cause {
  return { field, reason: 'FieldValueTooLong', message: `Too long: may not be more than ${limit} bytes` };
}

export function tooMany(field: string, count: number, limit: number): Cause {
  return { field, reason: 'FieldValueTooMany', message: `Too many: ${count}: must have at most ${limit} items` };
}

/** An immutable field was changed. */
export function immutable(field: string, value: unknown): Cause {
  return invalidValue(field, value, 'field is immutable');
}

function print(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null';
  return text.length > 256 ? `${text.slice(0, 256)}…` : text;
}
