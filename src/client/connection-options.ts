/** How to connect to an endpoint, in the words of Node's http and https. */
import { isIP } from 'node:net';
import { seconds } from '../lib/duration.ts';
import type { Endpoint } from './client.ts';
import { hostOf } from './server-address.ts';

/** Without a byte from the server for so long, a request has failed. A watch may be silent for as long as it likes. */
export const REQUEST_TIMEOUT = seconds(30);
/** TCP keep-alive: how a server that vanished is noticed on a connection on which nothing is said. */
export const KEEP_ALIVE = seconds(15);
/** A connection that was not needed for so long is closed. */
export const IDLE_LIMIT = seconds(30);

/** Whether the endpoint is spoken to without TLS, as tests do. */
export function isPlain({ server }: Endpoint): boolean {
  return server.startsWith('http:');
}

/** Where to connect to, what the server's certificate must say, and what is shown of ours. */
export function connectionOptions(endpoint: Endpoint) {
  const { server, socketPath, connectTo, caData, clientCertificate, clientKey } = endpoint;
  const url = new URL(server);
  return {
    host: connectTo ?? hostOf(url),
    port: url.port === '' ? (isPlain(endpoint) ? 80 : 443) : Number(url.port),
    ...(socketPath === undefined ? {} : { socketPath }),
    ...(isPlain(endpoint)
      ? {}
      : {
          // SNI may not carry an IP address (RFC 6066 section 3).
          servername: isIP(hostOf(url)) === 0 ? url.hostname : '',
          ...(caData === undefined ? {} : { ca: caData }),
          ...(clientCertificate === undefined ? {} : { cert: clientCertificate }),
          ...(clientKey === undefined ? {} : { key: clientKey }),
        }),
  };
}

/** What every path begins with: the path of the endpoint's URL, without a slash at its end. */
export function basePath({ server }: Endpoint): string {
  return new URL(server).pathname.replace(/\/$/, '');
}
