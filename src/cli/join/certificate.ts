/** Asking the cluster for a node's certificate, and waiting for it: https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/ */
import { CertificateSigningRequest } from '../../api/certificates/v1/certificatesigningrequest.ts';
import { NODE_CLIENT_SIGNER, NODES_GROUP, nodeUser } from '../../api/certificates/v1/signers.ts';
import { AGENT_ID } from '../../api/core/v1/node-identity.ts';
import { isNotFound } from '../../api/status.ts';
import { makeCertificateRequest } from '../../client/certificate-request.ts';
import type { Client } from '../../client/client.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { milliseconds, minutes, seconds } from '../../lib/duration.ts';

/** Between two looks: a request that is approved by itself is signed within a tenth of a second. */
const LOOK = { first: milliseconds(50), last: seconds(2) } as const;
/** After this long somebody is to be told that it waits for them. */
const PATIENCE = seconds(3);
/** How long somebody has to approve it. */
const LIMIT = minutes(15);

export interface CertificateParts {
  readonly client: Client;
  readonly nodeName: string;
  /** What tells this agent from others of the name. */
  readonly agentId: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface NodeCertificate {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
}

/** The cluster does not give the certificate; the message says why. */
export class CertificateRefusedError extends Error {
  /** One word: why it was denied or failed. */
  readonly reason: string;

  constructor(reason: string, message: string) {
    super(message);
    this.name = 'CertificateRefusedError';
    this.reason = reason;
  }
}

/** A new key and its certificate. Throws {@link CertificateRefusedError}, and what the client throws. */
export async function obtainCertificate(parts: CertificateParts, signal: AbortSignal): Promise<NodeCertificate> {
  const { client, nodeName, agentId } = parts;
  const subject = { commonName: nodeUser(nodeName), organizations: [NODES_GROUP] };
  const { key, request } = await makeCertificateRequest(subject);
  const made = await client.create(CertificateSigningRequest, {
    apiVersion: CertificateSigningRequest.apiVersion,
    kind: CertificateSigningRequest.kind,
    metadata: { generateName: 'node-csr-', annotations: { [AGENT_ID]: agentId } },
    spec: {
      request: Buffer.from(request).toString('base64'),
      signerName: NODE_CLIENT_SIGNER,
      usages: ['digital signature', 'client auth'],
    },
  });
  return { key, certificate: await certificateOf(made.metadata.name ?? '', parts, signal) };
}

async function certificateOf(name: string, parts: CertificateParts, signal: AbortSignal): Promise<string> {
  const { client, clock, log } = parts;
  const began = clock.steady();
  let hasTold = false;
  for (let wait: number = LOOK.first; ; wait = Math.min(wait * 1.5, LOOK.last)) {
    await clock.sleep(wait, signal);
    const { status = {} } = await look(client, name);
    if (status.certificate) return Buffer.from(status.certificate, 'base64').toString('utf8');
    const refused = status.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed');
    if (refused !== undefined) throw new CertificateRefusedError(refused.reason ?? '', refused.message ?? refused.type);
    const waited = clock.steady() - began;
    if (waited > LIMIT) throw new CertificateRefusedError('Timeout', `nobody has approved the request ${name}`);
    if (waited < PATIENCE || hasTold) continue;
    log.info(
      { request: name, approve: `kubectl certificate approve ${name}` },
      'waits until somebody approves its request',
    );
    hasTold = true;
  }
}

async function look(client: Client, name: string): Promise<CertificateSigningRequest> {
  try {
    return await client.get(CertificateSigningRequest, { name });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new CertificateRefusedError('Deleted', `somebody has deleted the request ${name}`);
  }
}
