/** Which objects a list, watch or deletecollection is about. */
import type { AnyKind } from '../../api/kinds.ts';
import type { KubeObject } from '../../api/meta/v1.ts';
import {
  type FieldSelector,
  matchesFields,
  matchesLabels,
  parseFieldSelector,
  parseLabelSelector,
  type Selector,
} from '../../api/selectors.ts';
import type { ResourceRequest } from '../context.ts';
import { listPrefix, objectKey } from '../storage/keys.ts';

export interface Selection {
  /** Every selected object's key begins with it. */
  readonly prefix: string;
  /** Whether nothing but the prefix decides. */
  readonly all: boolean;
  readonly matches: (object: KubeObject) => boolean;
}

/** Reads the selectors of a request. Throws an ApiError, 400. */
export function selectionOf({
  kind,
  namespace,
  query,
}: Pick<ResourceRequest, 'kind' | 'namespace' | 'query'>): Selection {
  const labels = parseLabelSelector(query.get('labelSelector') ?? '');
  const fields = parseFieldSelector(kind, query.get('fieldSelector') ?? '');
  return {
    prefix: prefixOf(kind, namespace, fields),
    all: labels.length === 0 && fields.length === 0,
    matches: matcher(kind, labels, fields),
  };
}

function matcher(kind: AnyKind, labels: Selector, fields: FieldSelector): (object: KubeObject) => boolean {
  return (object) => matchesLabels(labels, object.metadata.labels) && matchesFields(kind, fields, object);
}

/** A selector that names one object, as `kubectl get NAME --watch` sends, spares reading the others. */
function prefixOf(kind: AnyKind, namespace: string | undefined, fields: FieldSelector): string {
  const one = fields.find(({ field, equal }) => field === 'metadata.name' && equal);
  if (one === undefined || (kind.namespaced && namespace === undefined)) return listPrefix(kind, namespace);
  return isKeyPart(one.value) ? objectKey(kind, namespace, one.value) : listPrefix(kind, namespace);
}

function isKeyPart(name: string): boolean {
  return name.length > 0 && name.length <= 253 && /^[\w.:-]+$/.test(name);
}
