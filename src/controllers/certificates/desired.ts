/** What becomes of a request for a certificate. Pure. */

import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
} from '../../api/certificates/v1/certificatesigningrequest.ts';
import type { CertificateRequest } from '../../api/certificates/v1/request.ts';
import {
  NODE_CLIENT_SIGNER,
  NODES_GROUP,
  nodeOfUser,
  nodeUser,
  SIGNERS,
  whyNotSigned,
} from '../../api/certificates/v1/signers.ts';
import type { Node } from '../../api/core/v1/node.ts';
import { AGENT_ID } from '../../api/core/v1/node-identity.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import { type Duration, hours, minutes } from '../../lib/duration.ts';

/** What lets requests be approved by themselves: a node's first certificate, and that of the same node. */
export type Right = 'nodeclient' | 'selfnodeclient';

/** What is done next with a request. `wait`: somebody else decides, or all is done. */
export type Step =
  | { readonly kind: 'wait' }
  /** If whoever asks may create `certificatesigningrequests/RIGHT`. */
  | { readonly kind: 'approve'; readonly right: Right; readonly reason: string; readonly message: string }
  | { readonly kind: 'deny'; readonly reason: string; readonly message: string }
  | { readonly kind: 'sign' }
  | { readonly kind: 'fail'; readonly reason: string; readonly message: string };

const WAIT: Step = { kind: 'wait' };

/** What to do with a request; `nodeNamed` finds the Node that there is of a name. */
export function nextStep(
  request: CertificateSigningRequest,
  asked: CertificateRequest,
  nodeNamed: (name: string) => Node | undefined,
): Step {
  const { status = {}, spec } = request;
  if (status.certificate || has(request, 'Failed') || has(request, 'Denied')) return WAIT;
  if (!SIGNERS.includes(spec.signerName)) return WAIT;
  const mistake = whyNotSigned(spec, asked);
  if (has(request, 'Approved')) {
    return mistake === undefined
      ? { kind: 'sign' }
      : { kind: 'fail', reason: 'SignerValidationFailure', message: mistake };
  }
  if (mistake !== undefined || spec.signerName !== NODE_CLIENT_SIGNER) return WAIT;
  return decideNode(request, asked, nodeNamed);
}

/** A node renews its own certificate; whoever has a token to join with gets one for a name that nobody has. */
function decideNode(
  request: CertificateSigningRequest,
  asked: CertificateRequest,
  nodeNamed: (name: string) => Node | undefined,
): Step {
  const { username = '', groups = [] } = request.spec;
  const name = nodeOfUser(asked.commonName) ?? '';
  if (groups.includes(NODES_GROUP)) {
    if (username !== nodeUser(name)) return WAIT;
    const message = 'a node renews its own certificate';
    return { kind: 'approve', right: 'selfnodeclient', reason: 'AutoApproved', message };
  }
  const node = nodeNamed(name);
  if (node !== undefined && lives(node) && !isSameAgent(request, node)) {
    return { kind: 'deny', reason: 'NameTaken', message: takenMessage(node) };
  }
  const message = 'whoever asks may have certificates for nodes made';
  return { kind: 'approve', right: 'nodeclient', reason: 'AutoApproved', message };
}

/** A node that is not heard of is not Ready: then it is Unknown. */
function lives({ status }: Node): boolean {
  const ready = findCondition(status?.conditions, 'Ready');
  return ready !== undefined && ready.status !== 'Unknown';
}

function isSameAgent(request: CertificateSigningRequest, node: Node): boolean {
  const id = node.metadata.annotations?.[AGENT_ID];
  return id !== undefined && request.metadata.annotations?.[AGENT_ID] === id;
}

function takenMessage({ metadata: { name = '' }, status }: Node): string {
  const addresses = (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address);
  return `there is a node ${JSON.stringify(name)} already, which lives, at ${addresses.join(' and ') || 'no address'}`;
}

function has(request: CertificateSigningRequest, type: string): boolean {
  return findCondition(request.status?.conditions, type) !== undefined;
}

/** The conditions with one more. */
export function withDecision(
  request: CertificateSigningRequest,
  type: 'Approved' | 'Denied' | 'Failed',
  { reason, message }: { readonly reason: string; readonly message: string },
): readonly CertificateSigningRequestCondition[] {
  return [...(request.status?.conditions ?? []), { type, status: 'True', reason, message }];
}

/** How long requests are kept: as in Kubernetes, an hour once they are decided and a day while they are not. */
const KEPT: Readonly<Record<'decided' | 'pending', Duration>> = { decided: hours(1), pending: hours(24) };

/** Whether a request has been kept for long enough. `now` is wall-clock milliseconds. */
export function isOver(request: CertificateSigningRequest, now: number): boolean {
  const decided = ['Approved', 'Denied', 'Failed'].map((type) =>
    request.status?.conditions?.find((condition) => condition.type === type),
  );
  const times = decided.map((condition) => Date.parse(condition?.lastUpdateTime ?? '')).filter((at) => at > 0);
  const made = Date.parse(request.metadata.creationTimestamp ?? '');
  // One that was approved and never signed is of use to nobody either.
  if (times.length > 0) return now - Math.max(...times) > KEPT.decided;
  return now - made > KEPT.pending;
}

/** How long a certificate is made for: as is asked, and never for longer than we give. */
export function lifetimeOf({ spec }: CertificateSigningRequest, most: Duration): number {
  const asked = spec.expirationSeconds;
  return asked === undefined ? most : Math.min(Math.max(asked * 1000, SHORTEST), most);
}

const SHORTEST = minutes(10);
