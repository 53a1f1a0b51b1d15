/** meta/v1 DeleteOptions: what a delete may say, in its body or its query. */
import { checkNode, structureError } from '../../api/decode.ts';
import { invalidValue, notSupported } from '../../api/field-errors.ts';
import { deleteOptions } from '../../api/meta/delete-options.ts';
import type { TypeOf } from '../../api/schema.ts';
import { badRequest } from '../../api/status.ts';
import type { ResourceRequest } from '../context.ts';
import { parseBody } from '../http/body.ts';
import { invalidOptions, wholeNumber } from './options.ts';

/** In Kubernetes' order, with its word for none of them. */
const POLICIES = ['Foreground', 'Background', 'Orphan', 'nil'];

/** The options that change what is done, read. */
export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly dryRun?: readonly string[];
}

/** Reads the options of a delete. The body's go before the query's. Throws an ApiError: 400 when they cannot be read, else 422. */
export function decodeDeleteOptions(request: ResourceRequest): DeleteOptions {
  const { body } = request;
  return readDeleteOptions(request, body.bytes.byteLength === 0 ? {} : decode(request, parseBody(body).value));
}

/** The same of options that were decoded with something else. */
export function readDeleteOptions(
  request: ResourceRequest,
  given: Omit<TypeOf<typeof deleteOptions>, 'apiVersion' | 'kind'>,
): DeleteOptions {
  const { query } = request;
  const grace = given.gracePeriodSeconds ?? wholeNumber(query, 'gracePeriodSeconds');
  if (grace !== undefined && grace < 0) {
    throw badRequest(`gracePeriodSeconds: Invalid value: ${grace}: must be greater than or equal to 0`);
  }
  const policy = policyOf(given, request);
  return {
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
    ...(given.preconditions === undefined ? {} : { preconditions: given.preconditions }),
    ...(policy === undefined ? {} : { propagationPolicy: policy }),
    ...(given.dryRun === undefined ? {} : { dryRun: given.dryRun }),
  };
}

function decode({ kind }: ResourceRequest, value: unknown): TypeOf<typeof deleteOptions> {
  const { object: decoded, causes } = checkNode(deleteOptions.node, value);
  const error = structureError({ ...kind, kind: 'DeleteOptions', version: 'v1' }, '', causes);
  if (error !== undefined) throw error;
  return decoded as TypeOf<typeof deleteOptions>;
}

function policyOf(
  given: TypeOf<typeof deleteOptions>,
  { verb, query }: ResourceRequest,
): DeleteOptions['propagationPolicy'] {
  const text = given.propagationPolicy ?? query.get('propagationPolicy') ?? '';
  if (text === '') {
    if (given.orphanDependents === undefined) return undefined;
    return given.orphanDependents ? 'Orphan' : 'Background';
  }
  if (given.orphanDependents !== undefined) {
    const why = 'orphanDependents and deletionPropagation cannot be both set';
    throw invalidOptions(verb, [invalidValue('propagationPolicy', text, why)]);
  }
  if (text === 'Background' || text === 'Foreground' || text === 'Orphan') return text;
  throw invalidOptions(verb, [notSupported('propagationPolicy', text, POLICIES)]);
}
