/**
 * The kernel's connection tracking as data: which flows there are, and forgetting some. A flow is what connection
 * tracking keeps of a connection, or of datagrams between the same two ends, with where its packets are sent instead.
 */
import type { IPFamily } from '../../lib/ip.ts';
import type { TransportProtocol } from '../model.ts';

/** The ends of a flow's packets in one direction. Addresses are canonical text. */
export interface Tuple {
  readonly saddr: string;
  readonly sport: number;
  readonly daddr: string;
  readonly dport: number;
}

export interface Flow {
  readonly family: IPFamily;
  readonly protocol: TransportProtocol;
  /** As the client sends. */
  readonly original: Tuple;
  /** As replies come: from where the destination was translated to, to where the source was. */
  readonly reply: Tuple;
  /** Flows of other zones than 0 are somebody's who keeps several address spaces apart. */
  readonly zone: number;
  /** Tells a flow from a later one with the same ends, as a rule: it is made of where the kernel keeps the flow. */
  readonly id: number;
}

/** A flow before connection tracking has it. Zone 0 by default. */
export type NewFlow = Omit<Flow, 'id' | 'zone'> & { readonly zone?: number };

/** Which flows: the port and address are those that the client asked for. */
export interface FlowFilter {
  readonly family: IPFamily;
  readonly protocol: TransportProtocol;
  readonly daddr?: string;
  readonly dport?: number;
}

export interface Conntrack {
  /**
   * The flows that there are, some at a time. Flows that come or go meanwhile may be among them or not. Throws
   * {@link ConntrackError}.
   */
  flows(filter: FlowFilter): AsyncIterable<readonly Flow[]>;
  /**
   * Forgets flows: their next packet is treated as the first of a new one. Returns how many there still were. Throws
   * {@link ConntrackError}: some may be gone.
   */
  delete(flows: readonly Flow[]): Promise<number>;
}

/** The kernel does not tell its flows, or does not let us delete them; `cause` says why. */
export class ConntrackError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ConntrackError';
  }
}

/** Whether a flow is one of those that a filter means. */
export function selects(filter: FlowFilter, { family, protocol, original }: Flow): boolean {
  return (
    family === filter.family &&
    protocol === filter.protocol &&
    (filter.daddr === undefined || original.daddr === filter.daddr) &&
    (filter.dport === undefined || original.dport === filter.dport)
  );
}
