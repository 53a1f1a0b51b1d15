/** The certificate that the server shows, renewed while it runs: before its end, and when the addresses of the machine change. */
import type { Server } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { minutes } from '../../lib/duration.ts';
import type { Pki } from '../pki/pki.ts';

/** The least that clients must speak. */
export type TLSVersion = 'TLSv1.2' | 'TLSv1.3';

/** How often it is looked whether another certificate is needed. */
const INTERVAL = minutes(1);

/**
 * What handshakes are made with. The authority is sent too, although clients have it: one that joins checks it against its
 * token.
 */
export function secureContext(pki: Pki, minVersion: TLSVersion): SecureContextOptions {
  const { certificate, key } = pki.serving;
  return { cert: certificate + pki.caCertificate, key, ca: pki.caCertificate, minVersion };
}

export interface ServingCertificateParts {
  readonly pki: Pki;
  readonly minVersion: TLSVersion;
  /** Names and addresses that clients connect to now. */
  readonly hosts: () => readonly string[];
  /** All that listen now. */
  readonly servers: () => readonly Server[];
  readonly clock: Clock;
  readonly log: Logger;
}

/** Renews until the signal is aborted. Connections that there are go on; new ones are shown the new certificate. */
export async function keepServingCertificate(parts: ServingCertificateParts, signal: AbortSignal): Promise<void> {
  const { pki, minVersion, hosts, servers, clock, log } = parts;
  while (!signal.aborted) {
    await clock.sleep(INTERVAL, signal).catch(() => {}); // The loop looks at the signal.
    if (signal.aborted) return;
    try {
      const before = pki.serving;
      const now = await pki.currentServing(hosts());
      if (now === before) continue;
      for (const server of servers()) server.setSecureContext(secureContext(pki, minVersion));
      log.info({ hosts: hosts() }, 'serves with a new certificate');
    } catch (err) {
      log.error({ err }, 'cannot renew the certificate that the API is served with; trying again');
    }
  }
}
