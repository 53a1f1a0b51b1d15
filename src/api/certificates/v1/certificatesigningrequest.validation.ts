/** Mistakes in requests for certificates. Follows Kubernetes' pkg/apis/certificates/validation. */

import { pemBlocks } from '../../../lib/pem.ts';
import { duplicateValue, immutable, invalidValue, notSupported, requiredValue } from '../../field-errors.ts';
import { nameMistake } from '../../names.ts';
import type { Cause } from '../../status.ts';
import type { CertificateSigningRequest } from './certificatesigningrequest.ts';
import { CertificateRequestError, parseCertificateRequest } from './request.ts';

/** Seconds that a certificate is asked for at least. */
const SHORTEST = 600;

/** In Kubernetes' order of words. */
const USAGES = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];

export function validateCertificateSigningRequest(
  request: CertificateSigningRequest,
  old: CertificateSigningRequest | undefined,
): readonly Cause[] {
  return [...(old === undefined ? validateSpec(request) : []), ...validateStatus(request, old)];
}

function validateSpec({ spec }: CertificateSigningRequest): readonly Cause[] {
  const { request, usages = [], expirationSeconds } = spec;
  const atUsages = (i: number) => `spec.usages[${i}]`;
  return [
    ...validateRequest(request),
    ...(usages.length === 0 ? [requiredValue('spec.usages')] : []),
    ...usages.flatMap((usage, i) => (USAGES.includes(usage) ? [] : [notSupported(atUsages(i), usage, USAGES)])),
    ...usages.flatMap((usage, i) => (usages.indexOf(usage) < i ? [duplicateValue(atUsages(i), usage)] : [])),
    ...validateSignerName(spec.signerName),
    ...(expirationSeconds !== undefined && expirationSeconds < SHORTEST
      ? [
          invalidValue(
            'spec.expirationSeconds',
            expirationSeconds,
            `may not specify a duration less than ${SHORTEST} seconds (10 minutes)`,
          ),
        ]
      : []),
  ];
}

function validateRequest(request: string): readonly Cause[] {
  if (request === '') return [requiredValue('spec.request')];
  try {
    parseCertificateRequest(Buffer.from(request, 'base64').toString('latin1'));
    return [];
  } catch (error) {
    if (!(error instanceof CertificateRequestError)) throw error;
    return [invalidValue('spec.request', request.slice(0, 32), error.message)];
  }
}

/** A domain of two parts at least, and what the signer is called there. */
function validateSignerName(name: string): readonly Cause[] {
  const field = 'spec.signerName';
  if (name === '') return [requiredValue(field)];
  const [domain = '', ...rest] = name.split('/');
  if (rest.length !== 1 || rest[0] === '') {
    return [
      invalidValue(field, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'"),
    ];
  }
  const mistake =
    nameMistake('dns-subdomain', domain) ??
    (domain.includes('.') ? undefined : 'should be a domain with at least two segments separated by dots');
  if (mistake !== undefined) return [invalidValue(field, name, mistake)];
  if (name !== 'kubernetes.io/legacy-unknown') return [];
  return [invalidValue(field, name, 'the legacy signerName is not allowed via this API version')];
}

function validateStatus(
  { status = {} }: CertificateSigningRequest,
  old: CertificateSigningRequest | undefined,
): readonly Cause[] {
  const { conditions = [], certificate } = status;
  const types = conditions.map(({ type }) => type);
  const at = (i: number) => `status.conditions[${i}]`;
  const before = old?.status?.certificate;
  return [
    ...conditions.flatMap(({ type, status: value }, i) =>
      value !== 'True' && ['Approved', 'Denied'].includes(type)
        ? [notSupported(`${at(i)}.status`, value, ['True'])]
        : [],
    ),
    ...(types.includes('Approved') && types.includes('Denied')
      ? [invalidValue(at(types.indexOf('Denied')), 'Denied', 'Approved and Denied conditions are mutually exclusive')]
      : []),
    ...(before && certificate !== before ? [immutable('status.certificate', '<certificate>')] : []),
    ...(certificate && certificate !== before ? validateCertificate(certificate) : []),
  ];
}

function validateCertificate(certificate: string): readonly Cause[] {
  const found = pemBlocks(Buffer.from(certificate, 'base64').toString('latin1'), 'CERTIFICATE');
  const why = 'must contain at least one CERTIFICATE PEM block';
  return found.length > 0 ? [] : [invalidValue('status.certificate', '<certificate data>', why)];
}
