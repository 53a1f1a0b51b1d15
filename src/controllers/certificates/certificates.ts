/**
 * Decides requests for nodes' certificates, and signs what is approved.
 * https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/
 */

import { SubjectAccessReview } from '../../api/authorization/v1/reviews.ts';
import {
  CertificateSigningRequest,
  type CertificateSigningRequestCondition,
} from '../../api/certificates/v1/certificatesigningrequest.ts';
import { type CertificateRequest, parseCertificateRequest } from '../../api/certificates/v1/request.ts';
import { Node } from '../../api/core/v1/node.ts';
import { keyOf } from '../../api/meta/v1.ts';
import { runController } from '../../client/controller.ts';
import { ignoreNotFound } from '../../client/expected.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { type Duration, hours, minutes } from '../../lib/duration.ts';
import type { ControllerParts, Run } from '../parts.ts';
import { isOver, lifetimeOf, nextStep, type Right, withDecision } from './desired.ts';

/** Who has the key of the cluster's authority. */
export interface CertificateSigner {
  /** The certificate, in PEM, for the key of a request. Throws an error named `RequestError` when the key has not signed it. */
  sign(wanted: {
    readonly der: Uint8Array;
    readonly commonName: string;
    readonly organizations: readonly string[];
    /** Milliseconds. */
    readonly lifetime: number;
  }): Promise<string>;
  /** How long certificates live at most, and when no time is asked for. Default: a year. */
  readonly lifetime?: Duration;
}

export interface CertificatesOptions extends ControllerParts {
  readonly signer: CertificateSigner;
}

const YEAR = hours(365 * 24);
/** Between two looks at which requests have been kept for long enough. */
const SWEEP = minutes(10);

/** Makes the controller; its keys are names of requests. */
export function certificatesController(options: CertificatesOptions): Run {
  const { client, informers, clock, log, signer } = options;
  const queue = new WorkQueue({ clock });
  const requests = informers.of(CertificateSigningRequest);
  const nodes = informers.of(Node);
  requests.onChange(({ key }) => queue.add(key));

  const reconcile = async (name: string): Promise<void> => {
    const request = requests.get(name);
    if (request === undefined) return;
    const asked = parseCertificateRequest(Buffer.from(request.spec.request, 'base64').toString('latin1'));
    const step = nextStep(request, asked, (node) => nodes.get(node));
    switch (step.kind) {
      case 'wait':
        return;
      case 'approve':
        if (!(await mayHaveApproved(request, step.right))) return;
        log.info({ request: name, subject: asked.commonName, by: request.spec.username }, 'approved a certificate');
        return decide(request, withDecision(request, 'Approved', step));
      case 'deny':
        log.warn({ request: name, subject: asked.commonName, why: step.message }, 'denied a certificate');
        return decide(request, withDecision(request, 'Denied', step));
      case 'fail':
        return fail(request, step);
      case 'sign':
        return sign(request, asked);
    }
  };
  const decide = async (
    request: CertificateSigningRequest,
    conditions: readonly CertificateSigningRequestCondition[],
  ) => {
    const { kind, apiVersion } = CertificateSigningRequest;
    const path = `/apis/${apiVersion}/${CertificateSigningRequest.plural}/${encodeURIComponent(request.metadata.name ?? '')}/approval`;
    await client.raw('PUT', path, { ...request, kind, apiVersion, status: { ...request.status, conditions } });
  };
  const mayHaveApproved = async ({ spec }: CertificateSigningRequest, subresource: Right): Promise<boolean> => {
    const { username = '', uid, groups = [], extra } = spec;
    const { group, plural: resource } = CertificateSigningRequest;
    const review = await client.create(SubjectAccessReview, {
      apiVersion: SubjectAccessReview.apiVersion,
      kind: SubjectAccessReview.kind,
      metadata: {},
      spec: {
        ...{ user: username, groups, ...(uid && { uid }), ...(extra && { extra }) },
        resourceAttributes: { group, resource, subresource, verb: 'create', version: '*' },
      },
    });
    return review.status?.allowed === true;
  };
  const fail = async (
    request: CertificateSigningRequest,
    why: { readonly reason: string; readonly message: string },
  ) => {
    log.warn({ request: request.metadata.name, why: why.message }, 'a request for a certificate cannot be signed');
    const status = { ...request.status, conditions: withDecision(request, 'Failed', why) };
    await client.updateStatus(CertificateSigningRequest, { ...request, status });
  };
  const sign = async (request: CertificateSigningRequest, asked: CertificateRequest) => {
    const lifetime = lifetimeOf(request, signer.lifetime ?? YEAR);
    try {
      const certificate = Buffer.from(await signer.sign({ ...asked, lifetime })).toString('base64');
      await client.updateStatus(CertificateSigningRequest, { ...request, status: { ...request.status, certificate } });
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'RequestError') throw error;
      await fail(request, { reason: 'SignerValidationFailure', message: error.message });
    }
  };
  const sweep = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      const over = requests.list().filter((request) => isOver(request, clock.now()));
      for (const request of over) {
        await client.delete(CertificateSigningRequest, keyOf(request)).catch(ignoreNotFound).catch(later);
      }
      await clock.sleep(SWEEP, signal).catch(() => {}); // The loop looks at the signal.
    }
  };
  const later = (err: unknown) => log.warn({ err }, 'cannot remove an old request for a certificate; trying again');
  return async (signal) => {
    void sweep(signal);
    await runController({ name: 'certificates', queue, reconcile, workers: 2, log }, signal);
  };
}
