/** Errors of connections, in the words that people know from the kubelet. Pure. */

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  ECONNRESET: 'read: connection reset by peer',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'connect: connection timed out',
  EPIPE: 'write: broken pipe',
};

/** `dial tcp 10.244.1.2:80: connect: connection refused` */
export function dialError(error: Error & { readonly code?: string }, address: string): string {
  const { code = '' } = error;
  // What Node calls hanging up is an end of file elsewhere.
  if (code === 'ECONNRESET' && error.message === 'socket hang up') return 'EOF';
  return `dial tcp ${address}: ${WORDS[code] ?? error.message}`;
}

/** `10.244.1.2:80`, `[fd00::2]:80` */
export function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
