/** Which form of an answer a client wants: the Accept header as Kubernetes extends it (`as=`, `g=`, `v=`). */
import { failure } from '../../api/status.ts';

export type Form =
  | { readonly as: 'object' }
  | { readonly as: 'Table' }
  | { readonly as: 'PartialObjectMetadata' }
  | { readonly as: 'APIGroupDiscoveryList' };

/** How an answer is written. */
export interface Accepted {
  readonly form: Form['as'];
  readonly media: 'json' | 'yaml';
}

const MAX_CLAUSES = 64;

/**
 * The first of the client's choices that is offered. Throws an ApiError, 406, when there is none, as for a client that
 * takes nothing but protobuf.
 */
export function negotiate(accept: string | undefined, offered: readonly Form['as'][]): Accepted {
  if (accept === undefined || accept.trim() === '') return { form: 'object', media: 'json' };
  for (const clause of accept.split(',').slice(0, MAX_CLAUSES)) {
    const accepted = readClause(clause, offered);
    if (accepted !== undefined) return accepted;
  }
  throw failure(
    406,
    'NotAcceptable',
    'only the following media types are accepted: application/json, application/yaml',
  );
}

function readClause(clause: string, offered: readonly Form['as'][]): Accepted | undefined {
  const [type = '', ...rest] = clause.split(';').map((part) => part.trim());
  const parameters = new Map(rest.map((part) => [part.split('=')[0] ?? '', part.split('=')[1] ?? '']));
  const media = mediaOf(type.toLowerCase());
  if (media === undefined) return undefined;
  const as = parameters.get('as');
  if (as === undefined) return { form: 'object', media };
  const form = formOf(as, parameters.get('g') ?? '', parameters.get('v') ?? '');
  return form !== undefined && offered.includes(form) ? { form, media } : undefined;
}

function mediaOf(type: string): 'json' | 'yaml' | undefined {
  if (type === 'application/json' || type === '*/*' || type === 'application/*') return 'json';
  return type === 'application/yaml' ? 'yaml' : undefined;
}

function formOf(as: string, group: string, version: string): Form['as'] | undefined {
  if (group === 'meta.k8s.io' && version === 'v1') {
    if (as === 'Table') return 'Table';
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return 'PartialObjectMetadata';
  }
  if (group === 'apidiscovery.k8s.io' && version === 'v2' && as === 'APIGroupDiscoveryList') return as;
  return undefined;
}
