/** Tries one connection, and gives it up as soon as it is known what becomes of it. */
import { connect as connectTCP } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { seconds } from '../../lib/duration.ts';
import type { Outcome } from './outcome.ts';
import type { Refusals } from './refusals.ts';

export interface Connection {
  readonly address: string;
  readonly port: number;
  /** The address to come from. Default: the kernel's choice. */
  readonly from?: string;
  /** The port to come from. Default: the same. */
  readonly ownPort?: number;
}

export type Connect = (connection: Connection) => Promise<Outcome>;

/** After it, nobody answers: the kernel has asked twice by then. */
const PATIENCE = seconds(2.5);
/** How much later than its effect an ICMP error may be heard of, in milliseconds. */
const LAG = 30;
/** Errors that somebody else made by an answer: a reset, or ICMP. */
const ANSWERED: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ECONNRESET']);
/** Errors that an ICMP error makes, and this machine itself as well. */
const UNREACHABLE: ReadonlySet<string> = new Set(['EHOSTUNREACH', 'ENETUNREACH', 'ENOPROTOOPT', 'EACCES']);

/** `refusals` hear on the interface by which connections leave. */
export function connector(refusals: Refusals, patience: number = PATIENCE): Connect {
  return async (connection) => {
    const { address, port } = connection;
    const asked = refusals.ask(address, port);
    try {
      const end = await tryConnection(connection, patience, asked.told);
      if (end === 'connected') return { kind: 'reached' };
      if (end !== 'timeout' && end !== 'told') await pause(LAG);
      const refusal = asked.heard();
      if (refusal !== undefined) return { kind: 'refused', ...refusal };
      if (end === 'timeout') return { kind: 'silent' };
      if (ANSWERED.has(end)) return { kind: 'reached' };
      const why = UNREACHABLE.has(end) ? `no way to ${address} (${end})` : `this node cannot connect (${end})`;
      return { kind: 'unclear', why };
    } finally {
      asked.end();
    }
  };
}

/** `connected`, `timeout`, `told` that somebody refuses it, or the code of an error. */
function tryConnection(
  { address, port, from, ownPort }: Connection,
  patience: number,
  told: AbortSignal,
): Promise<string> {
  return new Promise((resolve) => {
    const own = { ...(from && { localAddress: from }), ...(ownPort && { localPort: ownPort }) };
    const socket = connectTCP({ host: address, port, ...own });
    const end = (how: string) => {
      clearTimeout(timer);
      told.removeEventListener('abort', onTold);
      // Not by a reset, which programs take for a failure.
      socket.destroy();
      resolve(how);
    };
    // A kernel may go on asking all the same.
    const onTold = () => end('told');
    told.addEventListener('abort', onTold, { once: true });
    const timer = setTimeout(() => end('timeout'), patience);
    socket.once('connect', () => end('connected'));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  });
}
