/** What the cluster's own records say to a question. Pure: the same records and question have the same answer. */
import {
  CLASS_IN,
  type Question,
  RCODE,
  type Rcode,
  type RecordData,
  type ResourceRecord,
  type Response,
  TYPE,
} from '../wire/message.ts';
import { isWithin } from '../wire/name.ts';
import type { RecordIndex } from './record-index.ts';
import { soaRecord, TTL, type Zone } from './zone.ts';

/** Aliases followed for one question. Kubernetes has no reason for more than one; a ring has no end. */
const ALIAS_LIMIT = 8;

export type Lookup =
  | { readonly kind: 'answer'; readonly response: Response }
  /** The question is about a name that is not ours. */
  | { readonly kind: 'forward' }
  /** An alias of ours leads to a name that is not ours: `answers` so far, and where to go on. */
  | { readonly kind: 'alias'; readonly answers: readonly ResourceRecord[]; readonly target: string }
  | { readonly kind: 'refuse'; readonly why: 'class' | 'zone-transfer' };

export function lookup(index: RecordIndex, zone: Zone, question: Question): Lookup {
  if (question.class !== CLASS_IN) return { kind: 'refuse', why: 'class' };
  if (question.type === TYPE.AXFR || question.type === TYPE.IXFR) return { kind: 'refuse', why: 'zone-transfer' };
  const ours = isWithin(question.name, zone) || (isReverse(question.name) && index.get(question.name)?.length);
  if (!ours) return { kind: 'forward' };
  return follow(index, zone, question);
}

/** Reverse zones are shared with the rest of the world: ours are the names that we have records for. */
function isReverse(name: string): boolean {
  return name.endsWith('.in-addr.arpa') || name.endsWith('.ip6.arpa');
}

function follow(index: RecordIndex, zone: Zone, question: Question): Lookup {
  const aliases: ResourceRecord[] = [];
  let name = question.name;
  while (aliases.length <= ALIAS_LIMIT) {
    const found = index.get(name);
    if (found === undefined) return negative(zone, RCODE.NXDOMAIN, aliases);
    const alias = found.find((record) => record.data.type === 'CNAME');
    if (alias?.data.type !== 'CNAME' || question.type === TYPE.CNAME || question.type === TYPE.ANY) {
      const matches = matching(name, found, question.type);
      return matches.length === 0 ? negative(zone, RCODE.NOERROR, aliases) : positive(index, [...aliases, ...matches]);
    }
    aliases.push(alias);
    name = alias.data.target;
    if (!isWithin(name, zone)) return { kind: 'alias', answers: aliases, target: name };
  }
  return { kind: 'answer', response: { ...EMPTY, rcode: RCODE.SERVFAIL } };
}

/** ANY gets one small record instead of everything: RFC 8482 section 4.2. */
function matching(name: string, found: readonly ResourceRecord[], type: number): readonly ResourceRecord[] {
  if (type === TYPE.ANY && found.length > 0)
    return [{ name, ttl: TTL, data: { type: 'HINFO', cpu: 'RFC8482', os: '' } }];
  return found.filter((record) => TYPE[record.data.type] === type);
}

const EMPTY: Response = {
  rcode: RCODE.NOERROR,
  authoritative: true,
  recursionAvailable: true,
  answers: [],
  authorities: [],
  additionals: [],
};

function positive(index: RecordIndex, answers: readonly ResourceRecord[]): Lookup {
  return { kind: 'answer', response: { ...EMPTY, answers, additionals: additional(index, answers) } };
}

/** The name does not exist, or has no record of the type: the SOA says how long that may be remembered. */
function negative(zone: Zone, rcode: Rcode, answers: readonly ResourceRecord[]): Lookup {
  return { kind: 'answer', response: { ...EMPTY, rcode, answers, authorities: [soaRecord(zone)] } };
}

/** The addresses of SRV targets, which the client would ask for next. */
function additional(index: RecordIndex, answers: readonly ResourceRecord[]): readonly ResourceRecord[] {
  const targets = new Set(
    answers
      .map(({ data }) => data)
      .filter(isSrv)
      .map((data) => data.target),
  );
  return [...targets].flatMap((target) => (index.get(target) ?? []).filter(isAddress));
}

function isSrv(data: RecordData): data is Extract<RecordData, { type: 'SRV' }> {
  return data.type === 'SRV';
}

function isAddress({ data }: ResourceRecord): boolean {
  return data.type === 'A' || data.type === 'AAAA';
}
