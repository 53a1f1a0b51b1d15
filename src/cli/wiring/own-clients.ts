/** The certificates that a server makes for its own controllers and for its administrator, renewed while it runs. */
import type { Pki } from '../../apiserver/pki/pki.ts';
import type { Endpoint } from '../../client/client.ts';
import { type ClientOptions, createClient, type ServedClient } from '../../client/http-client.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { hours } from '../../lib/duration.ts';

/** Certificates live for a year, and are renewed when the last fifth of that begins. */
const INTERVAL = hours(12);

/** Somebody whom the server makes a certificate for. */
export interface OwnUser {
  readonly name: string;
  readonly groups: readonly string[];
  /** Told of each new certificate. */
  readonly renewed: (endpoint: Endpoint) => void | Promise<void>;
}

/** Connects to the server as one user, with the certificate that is good now, for as long as each client lives. */
export class OwnClients {
  readonly #clients = new Set<ServedClient>();
  #endpoint: Endpoint;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  readonly connect = (options?: ClientOptions): ServedClient => {
    const client = createClient(this.#endpoint, options);
    this.#clients.add(client);
    const close = client.close.bind(client);
    return Object.assign(client, {
      close: () => {
        this.#clients.delete(client);
        close();
      },
    });
  };

  readonly renew = (endpoint: Endpoint): void => {
    this.#endpoint = endpoint;
    for (const { servers } of this.#clients) servers.renew(endpoint);
  };
}

/** The endpoint of a user of the server at `server`, with the certificate that is kept for it. */
export async function ownEndpoint(server: string, pki: Pki, user: Omit<OwnUser, 'renewed'>): Promise<Endpoint> {
  const subject = { commonName: user.name, organizations: user.groups };
  const { certificate, key } = await pki.keptClientCertificate(subject);
  return { server, caData: pki.caCertificate, clientCertificate: certificate, clientKey: key };
}

export interface OwnCertificateParts {
  readonly pki: Pki;
  /** URL. */
  readonly server: string;
  readonly users: readonly OwnUser[];
  readonly clock: Clock;
  readonly log: Logger;
}

/** Renews until the signal is aborted. */
export async function keepOwnCertificates(parts: OwnCertificateParts, signal: AbortSignal): Promise<void> {
  const { pki, server, users, clock, log } = parts;
  const before = new Map<OwnUser, string>();
  while (!signal.aborted) {
    for (const user of users) {
      try {
        const endpoint = await ownEndpoint(server, pki, user);
        const certificate = endpoint.clientCertificate ?? '';
        const isNew = before.has(user) && before.get(user) !== certificate;
        before.set(user, certificate);
        if (isNew) await user.renewed(endpoint);
      } catch (err) {
        log.error({ err, user: user.name }, 'cannot renew a certificate of the server’s own; trying again');
      }
    }
    await clock.sleep(INTERVAL, signal).catch(() => {}); // The loop looks at the signal.
  }
}
