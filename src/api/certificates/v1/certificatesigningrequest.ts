/**
 * certificates.k8s.io/v1 CertificateSigningRequest: asks for a certificate, is approved or denied, and then holds it.
 * https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/
 */
import { ageColumn, printAge } from '../../age.ts';
import { type Column, defineKind, type Resource } from '../../kind.ts';
import { bytes, int32, list, listMap, map, object, required, string, type TypeOf, time } from '../../schema.ts';
import { validateCertificateSigningRequest } from './certificatesigningrequest.validation.ts';

const condition = object({
  type: required(string('Approved, Denied or Failed.')),
  status: required(string('True; of Failed also False or Unknown.')),
  reason: string(),
  message: string(),
  lastUpdateTime: time(),
  lastTransitionTime: time(),
});
export type CertificateSigningRequestCondition = TypeOf<typeof condition>;

const fields = object(
  {
    spec: required(
      object({
        request: required(bytes('A PKCS #10 request, in PEM.')),
        signerName: required(string('Who is to sign it: DOMAIN/NAME.')),
        expirationSeconds: int32('How long it is wanted for. Signers may give less. Default: what the signer gives.'),
        usages: list(string(), 'What the key is to be used for.'),
        username: string('Who asks: set by the server, as are the next three.'),
        uid: string(),
        groups: list(string()),
        extra: map(list(string())),
      }),
    ),
    status: object({
      conditions: listMap(condition, ['type'], 'Whether it is approved or denied; neither: nobody has decided yet.'),
      certificate: bytes('The certificate, and those that lead to its root; in PEM.'),
    }),
  },
  'Asks for a certificate.',
);
export type CertificateSigningRequest = Resource<TypeOf<typeof fields>>;

/** What is asked for never changes, and who asks is the server's to say. */
function prepareRequest(
  request: CertificateSigningRequest,
  old: CertificateSigningRequest | undefined,
): CertificateSigningRequest {
  if (old !== undefined) return { ...request, spec: old.spec };
  const { username: _, uid: __, groups: ___, extra: ____, ...spec } = request.spec;
  const { status: _____, ...rest } = request;
  return { ...rest, spec };
}

/** `Pending`, `Approved` or `Denied`, and whether there is a certificate: as Kubernetes prints it. */
function printState({ status }: CertificateSigningRequest): string {
  const has = (type: string) => status?.conditions?.some((condition) => condition.type === type) ?? false;
  const decision = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending';
  return [decision, ...(has('Failed') ? ['Failed'] : []), ...(status?.certificate ? ['Issued'] : [])].join(',');
}

const columns: readonly Column<CertificateSigningRequest>[] = [
  ageColumn,
  { name: 'SignerName', type: 'string', value: ({ spec }) => spec.signerName },
  { name: 'Requestor', type: 'string', value: ({ spec }) => spec.username ?? '' },
  {
    name: 'RequestedDuration',
    type: 'string',
    value: ({ spec }) => (spec.expirationSeconds === undefined ? '<none>' : printAge(spec.expirationSeconds * 1000)),
  },
  { name: 'Condition', type: 'string', value: printState },
];

export const CertificateSigningRequest = defineKind({
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  plural: 'certificatesigningrequests',
  shortNames: ['csr'],
  namespaced: false,
  generation: false,
  status: true,
  nameFormat: 'path-segment',
  schema: fields,
  selectableFields: { 'spec.signerName': ({ spec }) => spec.signerName },
  columns,
  age: false,
  prepare: prepareRequest,
  validate: validateCertificateSigningRequest,
});
