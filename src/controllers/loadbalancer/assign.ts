/** Which addresses a Service gets. Pure and deterministic: the same pools, owners and request give the same answer. */
import { type IPAddress, type IPFamily, printIP } from '../../lib/ip.ts';
import type { Book } from './address-book.ts';
import { explain, type Refusal } from './explain.ts';
import { type Pool, whyNotFor } from './pool.ts';
import type { AddressRequest } from './request.ts';
import { type Tenant, whyNotShared } from './sharing.ts';

export interface Question {
  readonly book: Book;
  readonly request: AddressRequest;
  /** The addresses that the Service has, according to the book. */
  readonly current: readonly IPAddress[];
  /** Labels of its namespace. */
  readonly namespaceLabels: Readonly<Record<string, string>>;
}

export type Assignment =
  | {
      readonly kind: 'assigned';
      readonly pool: string;
      /** In the Service's order of families. */
      readonly addresses: readonly IPAddress[];
      /** Why it has no address of its other family, when it only prefers two. */
      readonly missing?: string;
      /** Why what it asks for was not heeded: it keeps what it had. */
      readonly mistake?: string;
    }
  | { readonly kind: 'refused'; readonly message: string };

/**
 * All addresses come from one pool: the first in order that has one of every family. When the Service takes fewer
 * (PreferDualStack), a pool with some will do if none has all. What the Service has, it keeps while it may.
 */
export function assign(question: Question): Assignment {
  const { request, current } = question;
  const { mistake } = request;
  if (mistake === undefined) return choose(question);
  // What cannot be understood takes nothing away, as in MetalLB.
  const kept = current.length === 0 ? undefined : choose(question);
  return kept?.kind === 'assigned' ? { ...kept, mistake } : { kind: 'refused', message: mistake };
}

function choose(question: Question): Assignment {
  const { request } = question;
  const refusals: Refusal[] = [];
  let partial: (Assignment & { kind: 'assigned' }) | undefined;
  for (const pool of inOrder(question)) {
    const found = whyNotOffered(pool, question) ?? pick(pool, question);
    if (typeof found === 'string') {
      refusals.push({ pool: pool.name, why: found });
      continue;
    }
    const { addresses, missing } = found;
    if (missing === undefined) return { kind: 'assigned', pool: pool.name, addresses };
    refusals.push({ pool: pool.name, why: missing });
    if (addresses.length === 0 || !request.partial) continue;
    partial ??= { kind: 'assigned', pool: pool.name, addresses, missing };
    // An address that it has is worth more than a second one from elsewhere.
    if (addresses.some((ip) => has(question.current, ip))) return partial;
  }
  return partial ?? { kind: 'refused', message: explain(request, refusals) };
}

/** Why a Service cannot keep an address that it has had, in words for people. */
export function whyGivenUp(question: Question, ip: IPAddress): string {
  const { book, request } = question;
  const { families, addresses, tenant } = request;
  if (!families.includes(ip.family)) return `the Service's ipFamilies are ${families.join(', ')}`;
  const pool = book.poolOf(ip);
  if (pool === undefined) return 'no pool has it';
  const why = whyNotOffered(pool, question);
  if (why !== undefined) return `pool "${pool.name}": ${why}`;
  const asked = addresses.find(({ family }) => family === ip.family);
  if (asked !== undefined && !has([ip], asked)) return `the Service asks for ${printIP(asked)}`;
  return whyNotHis(book, tenant, ip) ?? `pool "${pool.name}" cannot give all that the Service asks for`;
}

/** The pool that the Service's addresses are or were from first, so that they stay; then those of the table, in its order. */
function inOrder({ book, request, current }: Question): readonly Pool[] {
  const [own] = [...current, ...request.former].flatMap((ip) => book.poolOf(ip) ?? []);
  return own === undefined ? book.pools : [own, ...book.pools.filter((pool) => pool !== own)];
}

/** Why a pool is not for this Service at all, whatever is free in it. */
function whyNotOffered(pool: Pool, { book, request, current, namespaceLabels }: Question): string | undefined {
  if (request.pool !== undefined && request.pool !== pool.name) return `the Service asks for pool "${request.pool}"`;
  const isHere = (ip: IPAddress) => book.poolOf(ip) === pool;
  const isAsked = request.pool === pool.name || request.addresses.some(isHere);
  if (!pool.autoAssign && !isAsked && ![...current, ...request.former].some(isHere)) {
    return `autoAssign is false (ask for it with the annotation metallb.io/address-pool: ${pool.name})`;
  }
  return whyNotFor(pool, { ...request, namespaceLabels });
}

interface Picked {
  readonly addresses: readonly IPAddress[];
  /** Why a family is missing; undefined when none is. */
  readonly missing: string | undefined;
}

/** One address per family out of a pool; a text when a requested address cannot be had from it. */
function pick(pool: Pool, question: Question): Picked | string {
  const { book, request, current } = question;
  const addresses: IPAddress[] = [];
  const missing: string[] = [];
  for (const family of request.families) {
    const asked = request.addresses.find((ip) => ip.family === family);
    if (asked !== undefined) {
      const why = whyNotThis(pool, book, request.tenant, asked);
      if (why !== undefined) return why;
      addresses.push(asked);
      continue;
    }
    const known = [...current, ...request.former].find((ip) => {
      return ip.family === family && whyNotThis(pool, book, request.tenant, ip) === undefined;
    });
    const ip = known ?? firstFor(pool, book, request.tenant, family);
    if (ip === undefined) missing.push(whyNone(pool, book, family));
    else addresses.push(ip);
  }
  return { addresses, missing: missing.length === 0 ? undefined : missing.join(', ') };
}

function whyNotThis(pool: Pool, book: Book, tenant: Tenant, ip: IPAddress): string | undefined {
  if (book.poolOf(ip) !== pool) return `the requested address ${printIP(ip)} is not in it`;
  const why = whyNotHis(book, tenant, ip);
  return why && `the requested address ${why}`;
}

/** Why others who have an address do not let a Service have it too. */
function whyNotHis(book: Book, tenant: Tenant, ip: IPAddress): string | undefined {
  for (const other of book.tenantsOf(ip)) {
    const why = other.key === tenant.key ? undefined : whyNotShared(tenant, other);
    if (why !== undefined) return `${printIP(ip)} belongs to Service ${other.key}, ${why}`;
  }
  return undefined;
}

/** The first address in the pool's order that is free or that others share with the Service. */
function firstFor(pool: Pool, book: Book, tenant: Tenant, family: IPFamily): IPAddress | undefined {
  const free = book.firstFree(pool, family);
  const shared = (tenant.sharingKey === undefined ? [] : book.sharedUnder(tenant.sharingKey)).filter((ip) => {
    return ip.family === family && book.poolOf(ip) === pool && whyNotHis(book, tenant, ip) === undefined;
  });
  const inOrder = [...(free === undefined ? [] : [free]), ...shared].map((ip) => ({
    ip,
    at: book.orderOf(pool, ip) ?? 0n,
  }));
  return inOrder.sort((a, b) => (a.at < b.at ? -1 : 1))[0]?.ip;
}

function whyNone(pool: Pool, book: Book, family: IPFamily): string {
  const { assigned, available } = book.usage(pool, family);
  const size = assigned + available;
  return size === 0n ? `it has no ${family} addresses` : `all of its ${size} ${family} addresses are in use`;
}

function has(addresses: readonly IPAddress[], ip: IPAddress): boolean {
  return addresses.some(({ family, value }) => family === ip.family && value === ip.value);
}
