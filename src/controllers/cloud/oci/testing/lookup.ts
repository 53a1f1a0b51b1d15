/** Reading resources, the same for every kind. */
import { text } from './checks.ts';
import type { Cloud } from './cloud.ts';
import { notFound } from './failure.ts';
import type { Asked, Operation, QueryParameter, ServiceName } from './operation.ts';
import { filtered, PAGE_QUERY, paged } from './pages.ts';
import type { Stored, Table } from './table.ts';

/** What a parameter of the path names. */
export function named<T extends { readonly id?: string }>(
  table: Table<T>,
  { path }: Asked,
  parameter: string,
): Stored<T> {
  const id = path[parameter] ?? '';
  const stored = table.stored(id);
  if (stored === undefined) throw notFound(id);
  return stored;
}

interface Getter<T extends { readonly id?: string }> {
  readonly service: ServiceName;
  /** As the SDK names it: `securityList`. */
  readonly kind: string;
  readonly of: (cloud: Cloud) => Table<T>;
}

export function getter<T extends { readonly id?: string }>({ service, kind, of }: Getter<T>): Operation {
  return {
    service,
    name: `get${kind[0]?.toUpperCase()}${kind.slice(1)}`,
    method: 'GET',
    path: `/${kind}s/{${kind}Id}`,
    status: 200,
    answers: kind,
    handle: (cloud, asked) => {
      const { value, etag } = named(of(cloud), asked, `${kind}Id`);
      return { body: value, etag };
    },
  };
}

interface Lister<T extends object> {
  readonly service: ServiceName;
  readonly name: string;
  readonly path: string;
  /** Those of the fields by which the API can filter. */
  readonly filters: readonly (keyof T & string)[];
  readonly also?: Readonly<Record<string, QueryParameter>>;
  readonly of: (cloud: Cloud) => readonly T[];
}

export const COMPARTMENT_QUERY: Readonly<Record<string, QueryParameter>> = {
  compartmentId: { required: true, check: text({ like: /^ocid1\.(compartment|tenancy)\./ }) },
};

/** A compartment that is not there is the same as one that may not be seen. */
export function checkCompartment(cloud: Cloud, id: string | undefined): void {
  if (id !== cloud.compartmentId && id !== cloud.tenancyId) throw notFound(String(id));
}

export function lister<T extends object>({ service, name, path, filters, also, of }: Lister<T>): Operation {
  const query = Object.fromEntries(filters.map((filter) => [filter, { check: text({ min: 1 }) }]));
  return {
    service,
    name,
    method: 'GET',
    path,
    query: { ...PAGE_QUERY, ...query, ...also, ...COMPARTMENT_QUERY },
    status: 200,
    answers: 'items',
    handle: (cloud, asked, size) => {
      checkCompartment(cloud, asked.query['compartmentId']);
      const { items, ...next } = paged(filtered(of(cloud), asked, filters), asked, size);
      return { body: items, ...next };
    },
  };
}
