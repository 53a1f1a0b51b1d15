/**
 * What belongs to a write of a CertificateSigningRequest: who asks is noted, and who decides or signs has to be allowed to for
 * that signer. https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#authorization
 */
import { CertificateSigningRequest } from '../api/certificates/v1/certificatesigningrequest.ts';
import { parseCertificateRequest } from '../api/certificates/v1/request.ts';
import { CLIENT_SIGNER } from '../api/certificates/v1/signers.ts';
import { SERVER_JOINERS } from '../api/core/v1/bootstrap-token.ts';
import { forbidden } from '../api/field-errors.ts';
import { failure, invalid, qualified } from '../api/status.ts';
import { printTime } from '../api/time.ts';
import { sameValue } from '../api/value.ts';
import type { Clock } from '../host/clock.ts';
import type { Admission, Write } from './admission.ts';
import { MASTERS } from './auth/authorize.ts';
import type { Authorizer } from './auth/authorizer.ts';
import type { User } from './auth/user.ts';

/** Groups that nobody gets into by a certificate, whoever approves it: who may do everything, or is given the cluster's keys. */
const ALL_POWERFUL: readonly string[] = [MASTERS, SERVER_JOINERS];

export function certificateAdmission(authorizer: Authorizer, clock: Clock): Admission {
  return {
    async admit(write) {
      const nothing = { next: write.next, compares: [], operations: [] };
      const next = write.next as CertificateSigningRequest | undefined;
      if (write.kind !== CertificateSigningRequest || next === undefined) return nothing;
      const old = write.old as CertificateSigningRequest | undefined;
      if (old === undefined) return { ...nothing, next: created(next, write.by) };
      const by = write.by;
      if (by !== undefined) checkRights(authorizer, by, write, old, next);
      return { ...nothing, next: withTimes(next, old, printTime(clock.now())) };
    },
  };
}

/** Whoever asks is who they were when they asked, whatever becomes of them. */
function created(request: CertificateSigningRequest, by: User | undefined): CertificateSigningRequest {
  const { signerName, request: encoded } = request.spec;
  const { organizations } = parseCertificateRequest(Buffer.from(encoded, 'base64').toString('latin1'));
  const group = organizations.find((organization) => ALL_POWERFUL.includes(organization));
  if (signerName === CLIENT_SIGNER && group !== undefined) {
    throw refused(request, `use of ${CLIENT_SIGNER} signer with ${group} group is not allowed`);
  }
  if (by === undefined) return request;
  const { name, uid, groups, extra } = by;
  return {
    ...request,
    spec: {
      ...request.spec,
      username: name,
      ...(uid === undefined ? {} : { uid }),
      groups,
      ...(extra === undefined ? {} : { extra }),
    },
  };
}

function checkRights(
  authorizer: Authorizer,
  by: User,
  { subresource }: Write,
  old: CertificateSigningRequest,
  next: CertificateSigningRequest,
): void {
  const decided = ['Approved', 'Denied'].filter((type) => !sameValue(conditionOf(old, type), conditionOf(next, type)));
  if (subresource === 'status' && decided.length > 0) {
    const why = `updates may not add, change or remove a condition of type "${decided[0]}": that is for the subresource approval`;
    throw invalid(CertificateSigningRequest, next.metadata.name ?? '', [forbidden('status.conditions', why)]);
  }
  const isSigned = old.status?.certificate !== next.status?.certificate || decided.length > 0;
  if (subresource === 'approval' && decided.length > 0) check(authorizer, by, 'approve', next);
  if (subresource === 'status' && isSigned) check(authorizer, by, 'sign', next);
}

function check(authorizer: Authorizer, by: User, verb: 'approve' | 'sign', request: CertificateSigningRequest): void {
  const { signerName } = request.spec;
  const names = [signerName, `${signerName.slice(0, signerName.indexOf('/'))}/*`];
  const isAllowed = names.some((name) => {
    const signer = { group: 'certificates.k8s.io', resource: 'signers', subresource: undefined, namespace: undefined };
    return authorizer.decide(by, { kind: 'resource', verb, ...signer, name }).kind === 'allow';
  });
  if (!isAllowed) throw refused(request, `user not permitted to ${verb} requests with signerName "${signerName}"`);
}

function conditionOf({ status }: CertificateSigningRequest, type: string) {
  const {
    lastUpdateTime: _,
    lastTransitionTime: __,
    ...said
  } = status?.conditions?.find((condition) => condition.type === type) ?? { type: '', status: '' };
  return said;
}

/** Conditions that were not there before say since when they are. */
function withTimes(
  request: CertificateSigningRequest,
  old: CertificateSigningRequest,
  now: string,
): CertificateSigningRequest {
  const { conditions } = request.status ?? {};
  if (conditions === undefined) return request;
  const timed = conditions.map((condition) => {
    const before = old.status?.conditions?.find(({ type }) => type === condition.type);
    const isSame = before?.status === condition.status;
    return {
      ...condition,
      lastUpdateTime: condition.lastUpdateTime ?? now,
      lastTransitionTime: condition.lastTransitionTime ?? (isSame ? before?.lastTransitionTime : undefined) ?? now,
    };
  });
  return { ...request, status: { ...request.status, conditions: timed } };
}

function refused({ metadata: { name = '' } }: CertificateSigningRequest, why: string) {
  const { group, plural } = CertificateSigningRequest;
  const text = `${qualified(CertificateSigningRequest)} ${JSON.stringify(name)} is forbidden: ${why}`;
  return failure(403, 'Forbidden', text, { name, kind: plural, group });
}
