/**
 * Who signs requests for certificates. Pure.
 * https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers
 */
import type { CertificateSigningRequest } from './certificatesigningrequest.ts';
import type { CertificateRequest } from './request.ts';

/** Clients of the API, whoever they are. */
export const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client';
/** Nodes, as clients of the API. */
export const NODE_CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';

export const NODES_GROUP = 'system:nodes';
const NODE_USER = 'system:node:';

/** The user that a node's agent is. */
export function nodeUser(nodeName: string): string {
  return NODE_USER + nodeName;
}

/** The node whose agent has that name; undefined for everybody else. */
export function nodeOfUser(user: string): string | undefined {
  return user.startsWith(NODE_USER) && user.length > NODE_USER.length ? user.slice(NODE_USER.length) : undefined;
}

type Spec = CertificateSigningRequest['spec'];

const NODE_CLIENT_USAGES = ['client auth', 'digital signature', 'key encipherment'];
const CLIENT_USAGES = ['client auth', 'digital signature', 'key encipherment'];

/** Why a signer of ours will not sign it, whoever approves; undefined when it will, or when the signer is none of ours. */
export function whyNotSigned(spec: Spec, asked: CertificateRequest): string | undefined {
  switch (spec.signerName) {
    case CLIENT_SIGNER:
      return mistakeInUsages(spec, CLIENT_USAGES);
    case NODE_CLIENT_SIGNER:
      return mistakeInUsages(spec, NODE_CLIENT_USAGES) ?? mistakeInNodeClient(asked);
    default:
      return undefined;
  }
}

export const SIGNERS: readonly string[] = [CLIENT_SIGNER, NODE_CLIENT_SIGNER];

function mistakeInUsages({ usages = [] }: Spec, allowed: readonly string[]): string | undefined {
  const other = usages.find((usage) => !allowed.includes(usage));
  if (other !== undefined) return `the usage ${JSON.stringify(other)} is not one of: ${allowed.join(', ')}`;
  return usages.includes('client auth') ? undefined : 'the usages must contain "client auth"';
}

/** What the certificate of a node says: its user, its group, and nothing else. */
function mistakeInNodeClient(asked: CertificateRequest): string | undefined {
  const { commonName, organizations, otherNames, alternativeNames } = asked;
  if (organizations.length !== 1 || organizations[0] !== NODES_GROUP) {
    return `the subject's organization must be exactly ${NODES_GROUP}`;
  }
  if (nodeOfUser(commonName) === undefined) return `the subject's common name must begin with ${NODE_USER}`;
  if (otherNames > 0) return 'the subject must have a common name and an organization only';
  const { dns, ip, other } = alternativeNames;
  return dns + ip + other > 0 ? 'subject alternative names are not allowed' : undefined;
}
