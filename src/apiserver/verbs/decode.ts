/** From a request's body to an object of the request's kind: structure, unknown fields, and that it is about the target. */
import { checkStructure, structureError, unknownField } from '../../api/decode.ts';
import { notSupported } from '../../api/field-errors.ts';
import type { KubeObject } from '../../api/meta/v1.ts';
import { badRequest, type Cause } from '../../api/status.ts';
import { isMapping, type Mapping, ownValue } from '../../api/value.ts';
import type { ResourceRequest } from '../context.ts';
import { type Parsed, parseBody } from '../http/body.ts';
import { invalidOptions } from './options.ts';

/** What is done with unknown fields, and with those that stand twice. */
type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

/** An object that was read, and what is wrong with it that does not keep it from being judged further. */
export interface Decoded {
  readonly object: KubeObject;
  /** Values outside their sets of words: told together with whatever else validation finds. */
  readonly causes: readonly Cause[];
}

/** The object in a request's body. Throws an ApiError, 400 or 422. */
export function decodeBody(request: ResourceRequest): Decoded {
  const parsed = parseBody(request.body);
  return decodeValue(request, parsed.value, parsed, () => true);
}

/** Checks a parsed value as an object of the request's kind. Nulls and unknown fields are dropped. */
export function decodeObject(request: ResourceRequest, value: unknown): Decoded {
  return decodeValue(request, value, undefined, () => true);
}

/** As {@link decodeBody}, for a part of an object, which may lack what the whole must have. */
export function decodePart(request: ResourceRequest, parsed: Parsed): KubeObject {
  const counts = ({ reason }: Cause) => reason !== 'FieldValueRequired' && reason !== 'FieldValueNotSupported';
  return decodeValue(request, parsed.value, parsed, counts).object;
}

/** Refuses or warns of what stands twice in a patch, as the request asks. */
export function reportDuplicates(request: ResourceRequest, parsed: Parsed): void {
  report(request, () => parsed.duplicates());
}

function decodeValue(
  request: ResourceRequest,
  value: unknown,
  parsed: Parsed | undefined,
  counts: (cause: Cause) => boolean,
): Decoded {
  const { kind } = request;
  if (isMapping(value)) checkType(request, value);
  const structure = checkStructure(kind, value);
  const { object, unknown } = structure;
  const causes = structure.causes.filter(counts);
  const unreadable = causes.some(({ reason }) => reason !== 'FieldValueNotSupported');
  const error = unreadable ? structureError(kind, nameOf(value) ?? request.name ?? '', causes) : undefined;
  if (error !== undefined) throw error;
  report(request, () => [...(parsed?.duplicates() ?? []), ...unknown.map(unknownField)]);
  return { object: inPlace(request, object as KubeObject), causes };
}

function checkType({ kind }: ResourceRequest, value: Mapping): void {
  const apiVersion = ownValue(value, 'apiVersion') ?? kind.apiVersion;
  const name = ownValue(value, 'kind') ?? kind.kind;
  if (apiVersion !== kind.apiVersion) {
    throw badRequest(
      `the API version in the data (${String(apiVersion)}) does not match the expected API version (${kind.apiVersion})`,
    );
  }
  if (name !== kind.kind) throw badRequest(`the kind in the data (${String(name)}) is not ${kind.kind}`);
}

/** What is done with problems that strict clients want to hear of. */
function report(request: ResourceRequest, find: () => readonly string[]): void {
  const validation = fieldValidation(request);
  if (validation === 'Ignore') return;
  const problems = find();
  if (problems.length === 0) return;
  if (validation === 'Warn') {
    for (const problem of problems) request.warn(problem);
    return;
  }
  const { kind, version } = request.kind;
  throw badRequest(
    `${kind} in version "${version}" cannot be handled as a ${kind}: strict decoding error: ${problems.join(', ')}`,
  );
}

function fieldValidation({ verb, query }: ResourceRequest): FieldValidation {
  const text = query.get('fieldValidation') ?? '';
  if (text === '') return 'Warn';
  if (text === 'Strict' || text === 'Warn' || text === 'Ignore') return text;
  throw invalidOptions(verb, [notSupported('fieldValidation', text, ['', 'Ignore', 'Strict', 'Warn'])]);
}

/** The object with the namespace of the request's path; throws when it says that it is somewhere or something else. */
function inPlace(request: ResourceRequest, object: KubeObject): KubeObject {
  const { namespace: given, ...metadata } = object.metadata;
  const { kind, name } = request;
  if (name !== undefined && metadata.name !== undefined && metadata.name !== name) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  }
  const namespace = kind.namespaced ? request.namespace : undefined;
  if (given !== undefined && given !== '' && given !== namespace) {
    const text = 'the namespace of the provided object does not match the namespace sent on the request';
    throw badRequest(namespace === undefined ? `${kind.kind} is not in a namespace; remove metadata.namespace` : text);
  }
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(name === undefined ? {} : { name }),
      ...(namespace === undefined ? {} : { namespace }),
    },
  };
}

function nameOf(value: unknown): string | undefined {
  const metadata = isMapping(value) ? ownValue(value, 'metadata') : undefined;
  const name = isMapping(metadata) ? ownValue(metadata, 'name') : undefined;
  return typeof name === 'string' ? name : undefined;
}
