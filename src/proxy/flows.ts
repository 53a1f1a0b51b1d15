/**
 * Flows that connection tracking would keep sending to where nothing is any more. A TCP client notices and connects
 * anew; a UDP client that keeps sending keeps its flow alive, so it has to be forgotten.
 */

import type { Logger } from '../host/log.ts';
import { CommandError, type RunCommand } from '../host/process.ts';
import type { IPFamily } from '../lib/ip.ts';
import type { Forwarding, Frontend } from './forwarding.ts';

/** UDP flows to an address and port, or to a port of any address, that get their replies from one place. */
export interface StaleFlow {
  readonly family: IPFamily;
  /** Absent for a node port. */
  readonly address?: string;
  readonly port: number;
  readonly repliesFrom: string;
}

/** The flows to forget when one forwarding takes the place of another. Either can be undefined. */
export function staleFlows(before: Forwarding | undefined, after: Forwarding | undefined): readonly StaleFlow[] {
  const keys = new Set([...(before?.frontends.keys() ?? []), ...(after?.frontends.keys() ?? [])]);
  return [...keys].flatMap((key) => staleOfFrontend(before?.frontends.get(key), after?.frontends.get(key)));
}

function staleOfFrontend(before: Frontend | undefined, after: Frontend | undefined): StaleFlow[] {
  const frontend = after ?? before;
  if (frontend === undefined || frontend.protocol !== 'udp') return [];
  const { family, entrance, port } = frontend;
  const flow = (repliesFrom: string): StaleFlow => ({
    ...{ family, port, repliesFrom },
    ...(entrance.kind === 'address' ? { address: entrance.ip } : {}),
  });
  const kept = new Set(after?.endpoints.map(({ ip }) => ip));
  const gone = new Set(before?.endpoints.map(({ ip }) => ip).filter((ip) => !kept.has(ip)));
  const stale = [...gone].map(flow);
  // Before the address was forwarded, a flow to it may have been tracked as it was: replies from the address itself.
  if (before === undefined && entrance.kind === 'address') stale.push(flow(entrance.ip));
  return stale;
}

/** Forgets flows, one after the other, behind whatever else the node does. */
export class FlowKeeper {
  readonly #run: RunCommand;
  readonly #log: Logger;
  readonly #queue = new Map<string, readonly string[]>();
  #working: Promise<void> = Promise.resolve();
  #missing = false;

  constructor(options: { readonly run: RunCommand; readonly log: Logger }) {
    this.#run = options.run;
    this.#log = options.log;
  }

  forget(flows: readonly StaleFlow[]): void {
    if (this.#missing || flows.length === 0) return;
    const idle = this.#queue.size === 0;
    for (const flow of flows) {
      const argv = deleteCommand(flow);
      this.#queue.set(argv.join(' '), argv);
    }
    if (idle) this.#working = this.#work();
  }

  /** Resolves when there is nothing left to forget. */
  idle(): Promise<void> {
    return this.#working;
  }

  async #work(): Promise<void> {
    for (const [key, argv] of this.#queue) {
      await this.#delete(argv);
      this.#queue.delete(key);
    }
  }

  async #delete(argv: readonly string[]): Promise<void> {
    if (this.#missing) return;
    try {
      await this.#run(argv);
    } catch (error) {
      // conntrack exits with 1 when there was no such flow.
      if (error instanceof CommandError && error.code === 1) return;
      this.#missing = true;
      this.#log.warn({ err: error }, 'UDP flows to removed endpoints cannot be ended; install the package conntrack');
    }
  }
}

function deleteCommand({ family, address, port, repliesFrom }: StaleFlow): readonly string[] {
  return [
    ...['conntrack', '-D', '-f', family === 'IPv4' ? 'ipv4' : 'ipv6', '-p', 'udp'],
    ...(address === undefined ? [] : ['--orig-dst', address]),
    ...['--orig-port-dst', String(port), '--reply-src', repliesFrom],
  ];
}
