/** Where the API serves a kind. https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris */
import type { Kind } from '../api/kind.ts';
import type { KubeObject } from '../api/meta/v1.ts';
import type { DeleteOptions, ListOptions, Patch } from './client.ts';

/** The path of a kind's collection, or with `name` of one object, or with `subresource` of a part of it. */
export function resourcePath<T extends KubeObject>(
  kind: Kind<T>,
  at: {
    readonly namespace?: string | undefined;
    readonly name?: string | undefined;
    readonly subresource?: string;
  } = {},
): string {
  const parts = kind.group === '' ? ['api', kind.version] : ['apis', kind.group, kind.version];
  if (kind.namespaced && at.namespace) parts.push('namespaces', at.namespace);
  parts.push(kind.plural);
  if (at.name !== undefined) parts.push(at.name);
  if (at.subresource !== undefined) parts.push(at.subresource);
  return `/${parts.map(encodeURIComponent).join('/')}`;
}

/** The query of a list or watch, with its `?`. */
export function listQuery(options: ListOptions, more: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams(more);
  if (options.labelSelector) query.set('labelSelector', options.labelSelector);
  if (options.fieldSelector) query.set('fieldSelector', options.fieldSelector);
  if (options.limit !== undefined) query.set('limit', String(options.limit));
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

/** The body of a DELETE: meta/v1 DeleteOptions. */
export function deleteBody(options: DeleteOptions): object {
  return { apiVersion: 'v1', kind: 'DeleteOptions', ...options };
}

/** Content type and body of a PATCH. */
export function patchBody(patch: Patch): { contentType: string; body: object } {
  switch (patch.type) {
    case 'json':
      return { contentType: 'application/json-patch+json', body: patch.operations };
    case 'merge':
      return { contentType: 'application/merge-patch+json', body: patch.body };
    case 'strategic':
      return { contentType: 'application/strategic-merge-patch+json', body: patch.body };
  }
}
