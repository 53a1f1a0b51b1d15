/** Renews a node's certificate while the agent runs. */
import { X509Certificate } from 'node:crypto';
import { NODES_GROUP, nodeUser } from '../../api/certificates/v1/signers.ts';
import { BackOff } from '../../client/back-off.ts';
import { minutes, seconds } from '../../lib/duration.ts';
import type { CertificateParts, NodeCertificate } from './certificate.ts';

/** As kubelets do: somewhere between these parts of a certificate's life, so that nodes that joined together do not come together. */
const SHARE = { from: 0.7, to: 0.9 };
/** Clocks are set: it is looked at the time again after so long at most. */
const LOOK = minutes(10);

export interface RotationOptions extends CertificateParts {
  /** The certificate that the agent begins with, in PEM. */
  readonly certificate: string;
  /** Told of each new one, before the next is thought of. */
  readonly renewed: (next: NodeCertificate) => Promise<void>;
  /** In [0, 1), as Math.random. */
  readonly random?: () => number;
}

/** When a certificate is to be renewed, in milliseconds since 1970. Pure; `random` is in [0, 1). */
export function renewAt(certificate: string, random: number): number {
  const { validFromDate, validToDate } = new X509Certificate(certificate);
  const [from, to] = [validFromDate.getTime(), validToDate.getTime()];
  return from + (to - from) * (SHARE.from + (SHARE.to - SHARE.from) * random);
}

/** Whether a certificate is that of a node's agent, as the cluster makes them. */
export function isNodeCertificate(certificate: string, nodeName: string): boolean {
  const subject = new X509Certificate(certificate).subject.split('\n');
  return subject.includes(`O=${NODES_GROUP}`) && subject.includes(`CN=${nodeUser(nodeName)}`);
}

/** Renews until the signal is aborted. */
export async function keepCertificate(options: RotationOptions, signal: AbortSignal): Promise<void> {
  const { clock, log, nodeName, renewed, random = Math.random } = options;
  const backOff = new BackOff({ first: seconds(1), max: minutes(1), jitter: 0.5 });
  let current = options.certificate;
  let at = renewAt(current, random());
  while (!signal.aborted) {
    const left = at - clock.now();
    if (left > 0) {
      await clock.sleep(Math.min(left, LOOK), signal).catch(() => {}); // The loop looks at the signal.
      continue;
    }
    try {
      // Months may pass until it is needed.
      const { obtainCertificate } = await import('./certificate.ts');
      const next = await obtainCertificate(options, signal);
      await renewed(next);
      current = next.certificate;
      at = renewAt(current, random());
      backOff.reset();
      log.info({ node: nodeName, until: endOf(current) }, 'has renewed its certificate');
    } catch (err) {
      if (signal.aborted) return;
      tell(options, { err, current, isFirst: backOff.failures === 0 });
      await clock.sleep(backOff.next(), signal).catch(() => {});
    }
  }
}

function tell(
  { clock, log, nodeName }: RotationOptions,
  { err, current, isFirst }: { readonly err: unknown; readonly current: string; readonly isFirst: boolean },
): void {
  const fields = { err, node: nodeName, until: endOf(current) };
  const hasEnded = clock.now() >= new X509Certificate(current).validToDate.getTime();
  const remedy = 'the node’s certificate has ended: make a token (postern token create), and start the agent with it';
  if (hasEnded) log.error(fields, remedy);
  else if (isFirst) log.warn(fields, 'cannot renew the node’s certificate; trying again');
  else log.debug(fields, 'still cannot renew the node’s certificate');
}

function endOf(certificate: string): string {
  return new X509Certificate(certificate).validToDate.toISOString();
}
