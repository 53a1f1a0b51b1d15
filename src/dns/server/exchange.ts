/** One question to one server and its answer, over UDP or TCP. */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { decodeHeader, decodeQuestion, HEADER_SIZE, type Header } from '../wire/query.ts';
import { frameMessage, MessageReader } from './framing.ts';
import type { Upstream } from './upstreams.ts';

export type Transport = 'udp' | 'tcp';

/**
 * Sends a query and resolves with the first message that answers it; everything else that arrives is ignored. Rejects
 * when the server cannot be reached or the signal is aborted. Every call has a socket, so a port, of its own: together
 * with the random id that makes answers hard to forge (RFC 5452).
 */
export type Exchange = (upstream: Upstream, query: Uint8Array, signal: AbortSignal) => Promise<Uint8Array>;

export const exchanges: Readonly<Record<Transport, Exchange>> = { udp: exchangeUdp, tcp: exchangeTcp };

function exchangeUdp(upstream: Upstream, query: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
  const socket = createSocket(upstream.address.includes(':') ? 'udp6' : 'udp4');
  const answer = new Promise<Uint8Array>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    socket.on('error', reject);
    socket.on('message', (message) => {
      if (answers(message, query)) resolve(message);
    });
    // A connected socket hears only the server that it is connected to, and of ICMP errors.
    socket.connect(upstream.port, upstream.address, () => {
      if (!signal.aborted) socket.send(query);
    });
  });
  return answer.finally(() => socket.close());
}

function exchangeTcp(upstream: Upstream, query: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
  const socket = connect({ host: upstream.address, port: upstream.port });
  const reader = new MessageReader();
  const answer = new Promise<Uint8Array>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the server closed the connection without an answer')));
    socket.on('data', (chunk) => {
      for (const message of reader.push(chunk)) if (answers(message, query)) resolve(message);
    });
    socket.write(frameMessage(query));
  });
  return answer.finally(() => socket.destroy());
}

/** Whether a message answers our query: same id, same question (RFC 5452 section 9.1). */
export function answers(message: Uint8Array, query: Uint8Array): boolean {
  const header = readable(() => decodeHeader(message));
  if (header === undefined || !header.isResponse || header.id !== decodeHeader(query).id) return false;
  if (header.questions === 0) return isBareError(header, message);
  const asked = decodeQuestion(query).question;
  const got = readable(() => decodeQuestion(message).question);
  return got?.name === asked.name && got.type === asked.type && got.class === asked.class;
}

/** Some servers answer what they cannot read with a header alone. */
function isBareError(header: Header, message: Uint8Array): boolean {
  return header.rcode !== 0 && message.length === HEADER_SIZE;
}

/** What a stranger sent need not be readable: then it is no answer, whatever else it is. */
function readable<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch {
    return undefined;
  }
}
