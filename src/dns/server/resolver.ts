/** From the bytes of a query to the bytes of its answer. */
import { type CIDR, cidrContains, type IPAddress, printIP } from '../../lib/ip.ts';
import { lookup } from '../records/lookup.ts';
import type { RecordIndex } from '../records/record-index.ts';
import type { Zone } from '../records/zone.ts';
import { CLASS_IN, type Query, RCODE, type Rcode, type ResourceRecord, type Response, TYPE } from '../wire/message.ts';
import { isWithin } from '../wire/name.ts';
import { decodeHeader, decodeQuery, HEADER_SIZE } from '../wire/query.ts';
import { encodeQuestion } from '../wire/question.ts';
import {
  decodeUpstreamAnswer,
  encodeBareError,
  encodeResponse,
  TCP_SIZE,
  UDP_SIZE,
  udpLimit,
} from '../wire/response.ts';
import { WireError } from '../wire/wire-error.ts';
import type { Transport } from './exchange.ts';
import type { Forwarder } from './forwarder.ts';
import type { DnsStats } from './stats.ts';

export interface ResolverOptions {
  readonly index: RecordIndex;
  readonly zone: Zone;
  readonly forwarder: Forwarder;
  readonly stats: DnsStats;
  /** Whether the records are complete. Until then a missing name may only be one that we have not heard of yet. */
  readonly isSynced: () => boolean;
  /** Who may ask for other names; undefined: everyone. */
  readonly clients: readonly CIDR[] | undefined;
}

/** How and from where a query came. */
export interface Origin {
  readonly transport: Transport;
  readonly address: IPAddress | undefined;
}

/** Ready bytes where the cluster's own records suffice, so that the usual answer costs no promise. */
export type Answer = Uint8Array | undefined | Promise<Uint8Array | undefined>;

export class Resolver {
  readonly #options: ResolverOptions;
  #rotation = 0;

  constructor(options: ResolverOptions) {
    this.#options = options;
  }

  /** The answer to a message; undefined when it gets none. Never throws or rejects for what the message holds. */
  answer(message: Uint8Array, origin: Origin, signal: AbortSignal): Answer {
    const { stats } = this.#options;
    stats.queries++;
    let query: Query;
    try {
      const header = decodeHeader(message);
      // Answering answers is how two servers keep each other busy for ever.
      if (header.isResponse) return this.#drop();
      if (header.opcode !== 0) return this.#bareError(header.id, header.opcode, RCODE.NOTIMP);
      query = decodeQuery(message);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return message.length < HEADER_SIZE ? this.#drop() : this.#bareError(decodeHeader(message).id, 0, RCODE.FORMERR);
    }
    if (query.edns !== undefined && query.edns.version > 0) return this.#error(query, RCODE.BADVERS, origin);
    return this.#resolve(query, origin, signal);
  }

  #resolve(query: Query, origin: Origin, signal: AbortSignal): Answer {
    const { index, zone, isSynced } = this.#options;
    const found = lookup(index, zone, query.question);
    switch (found.kind) {
      case 'refuse':
        return this.#error(query, RCODE.REFUSED, origin);
      case 'forward':
        return this.#mayForward(query, origin)
          ? this.#forward(query, origin, signal)
          : this.#error(query, RCODE.REFUSED, origin);
      case 'alias':
        return this.#mayForward(query, origin)
          ? this.#completeAlias(query, found, origin, signal)
          : this.#encode(query, response(RCODE.NOERROR, found.answers), origin);
      case 'answer': {
        const missing = found.response.rcode === RCODE.NXDOMAIN && !isSynced();
        if (missing && isWithin(query.question.name, zone)) return this.#error(query, RCODE.SERVFAIL, origin);
        return this.#encode(query, this.#rotated(found.response), origin);
      }
    }
  }

  #mayForward(query: Query, origin: Origin): boolean {
    const { clients } = this.#options;
    const { address } = origin;
    if (!query.recursionDesired) return false;
    return clients === undefined || (address !== undefined && clients.some((cidr) => cidrContains(cidr, address)));
  }

  async #forward(query: Query, origin: Origin, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const { forwarder, stats } = this.#options;
    stats.forwarded++;
    const result = await forwarder.forward(query, origin.transport, clientName(origin), signal);
    if (result.kind === 'failed') {
      return this.#error(query, result.why === 'no-upstream' ? RCODE.REFUSED : RCODE.SERVFAIL, origin);
    }
    // Copied, since the buffer may be shared with other messages of the same connection.
    const bytes = Uint8Array.from(result.bytes);
    new DataView(bytes.buffer).setUint16(0, query.id);
    stats.count(decodeHeader(bytes).rcode);
    return bytes;
  }

  /** An ExternalName: stub resolvers do not follow aliases, they expect the addresses in the same answer. */
  async #completeAlias(
    query: Query,
    alias: { readonly answers: readonly ResourceRecord[]; readonly target: string },
    origin: Origin,
    signal: AbortSignal,
  ): Promise<Uint8Array | undefined> {
    const { forwarder, stats } = this.#options;
    stats.forwarded++;
    const { type } = query.question;
    const followable = type === TYPE.A || type === TYPE.AAAA;
    if (!followable) return this.#encode(query, response(RCODE.NOERROR, alias.answers), origin);
    try {
      const questionBytes = encodeQuestion({ name: alias.target, type, class: CLASS_IN });
      const edns = { udpSize: UDP_SIZE, version: 0, dnssecOk: false };
      const outgoing = { questionBytes, edns, recursionDesired: true, checkingDisabled: query.checkingDisabled };
      const result = await forwarder.forward(outgoing, origin.transport, clientName(origin), signal);
      if (result.kind === 'failed') return this.#error(query, RCODE.SERVFAIL, origin);
      const upstream = decodeUpstreamAnswer(result.bytes);
      const rcode =
        upstream.rcode === RCODE.NOERROR || upstream.rcode === RCODE.NXDOMAIN ? upstream.rcode : RCODE.SERVFAIL;
      return this.#encode(query, response(rcode, [...alias.answers, ...upstream.answers]), origin);
    } catch (error) {
      if (error instanceof WireError) return this.#error(query, RCODE.SERVFAIL, origin);
      throw error;
    }
  }

  /** Every answer begins with another address, since clients take the first. */
  #rotated(found: Response): Response {
    const { answers } = found;
    const first = answers.findIndex(({ data }) => data.type === 'A' || data.type === 'AAAA');
    const count = answers.length - first;
    if (first < 0 || count < 2) return found;
    const by = first + (this.#rotation++ % count);
    return { ...found, answers: [...answers.slice(0, first), ...answers.slice(by), ...answers.slice(first, by)] };
  }

  #encode(query: Query, found: Response, origin: Origin): Uint8Array {
    this.#options.stats.count(found.rcode);
    return encodeResponse(query, found, origin.transport === 'tcp' ? TCP_SIZE : udpLimit(query));
  }

  #error(query: Query, rcode: Rcode, origin: Origin): Uint8Array {
    return this.#encode(query, response(rcode, []), origin);
  }

  #bareError(id: number, opcode: number, rcode: Rcode): Uint8Array {
    this.#options.stats.count(rcode);
    return encodeBareError(id, opcode, rcode);
  }

  #drop(): undefined {
    this.#options.stats.dropped++;
  }
}

function response(rcode: Rcode, answers: readonly ResourceRecord[]): Response {
  return {
    rcode,
    authoritative: answers.length > 0,
    recursionAvailable: true,
    answers,
    authorities: [],
    additionals: [],
  };
}

function clientName({ address }: Origin): string {
  return address === undefined ? '' : printIP(address);
}
