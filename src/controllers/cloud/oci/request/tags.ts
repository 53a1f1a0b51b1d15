/** What is written on load balancers, and on groups that are made for them, for people and bills, and by which they are found again. Pure. */
import type { Service } from '../../../../api/core/v1/service.ts';
import type { LoadBalancerRequest, LoadBalancerType, RequestDefaults } from '../request.ts';
import { ANNOTATIONS, type AnnotationReader } from './annotations.ts';

export const CLUSTER_TAG = 'postern.dev/cluster';
/** `namespace/name`. */
export const SERVICE_TAG = 'postern.dev/service';
export const UID_TAG = 'postern.dev/service-uid';

type Tags = LoadBalancerRequest['tags'];

/** Those of the Service take the place of the configuration's, as with OCI's controller; ours come in addition. */
export function requestedTags(
  { metadata: { namespace = '', name = '', uid = '' } }: Service,
  type: LoadBalancerType,
  reader: AnnotationReader,
  config: RequestDefaults,
  cluster: string,
): Tags {
  const { freeform, defined } = annotated(type, reader);
  const isSaid = freeform !== undefined || defined !== undefined;
  const ours = { [CLUSTER_TAG]: cluster, [SERVICE_TAG]: `${namespace}/${name}`, [UID_TAG]: uid };
  return {
    freeform: { ...(isSaid ? freeform : config.tags.freeform), ...ours },
    defined: (isSaid ? defined : config.tags.defined) ?? {},
  };
}

function annotated(type: LoadBalancerType, reader: AnnotationReader): Partial<Tags> {
  const { freeformTags, definedTags } = ANNOTATIONS[type];
  const { formerFreeformTags, formerDefinedTags } = ANNOTATIONS.nlb;
  const present = (name: string, former: string) => (type === 'nlb' && reader.text(name) === undefined ? former : name);
  const freeform = strings(present(freeformTags, formerFreeformTags), reader);
  const defined = groups(present(definedTags, formerDefinedTags), reader);
  return { ...(freeform === undefined ? {} : { freeform }), ...(defined === undefined ? {} : { defined }) };
}

function strings(name: string, reader: AnnotationReader): Tags['freeform'] | undefined {
  const entries = Object.entries(reader.json(name) ?? {});
  if (entries.length === 0) return undefined;
  const found = entries.flatMap(([key, value]) => (typeof value === 'string' ? [[key, value] as const] : []));
  if (found.length < entries.length) reader.wrong(name, 'must be a JSON object with strings as values');
  return Object.fromEntries(found);
}

function groups(name: string, reader: AnnotationReader): Tags['defined'] | undefined {
  const entries = Object.entries(reader.json(name) ?? {});
  if (entries.length === 0) return undefined;
  const found = entries.flatMap(([key, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? [[key, { ...value }] as const] : [],
  );
  if (found.length < entries.length) reader.wrong(name, 'must be a JSON object of objects, by tag namespace');
  return Object.fromEntries(found);
}
