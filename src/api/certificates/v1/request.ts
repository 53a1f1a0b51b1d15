/** What a request for a certificate asks for: PKCS #10, RFC 2986. Pure; whether it is well signed is for who signs it to find out. */
import { DERError, type DERValue, readAll, readDER, readOID, readText, TAG } from '../../../lib/der.ts';
import { pemBlocks } from '../../../lib/pem.ts';

/** What is asked for. */
export interface CertificateRequest {
  /** All bytes of the request. */
  readonly der: Uint8Array;
  /** Of the subject; '' where there is none. */
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** How many parts of the subject are neither. */
  readonly otherNames: number;
  /** How many names of hosts, addresses and others the certificate is to be good for besides. */
  readonly alternativeNames: { readonly dns: number; readonly ip: number; readonly other: number };
}

/** A request that cannot be read; the message says what is wrong with it. */
export class CertificateRequestError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'CertificateRequestError';
  }
}

const COMMON_NAME = '2.5.4.3';
const ORGANIZATION = '2.5.4.10';
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';
/** Bytes. A request is a key and some names. */
const SIZE_MAX = 64 * 1024;

/** Reads a request in PEM. Throws {@link CertificateRequestError}. */
export function parseCertificateRequest(pem: string): CertificateRequest {
  const blocks = pem.length > SIZE_MAX * 2 ? [] : pemBlocks(pem, 'CERTIFICATE REQUEST');
  const [der] = blocks;
  if (der === undefined || blocks.length > 1 || der.length > SIZE_MAX) {
    throw new CertificateRequestError('PEM block type must be CERTIFICATE REQUEST, and there must be exactly one');
  }
  try {
    const [info = MISSING] = readAll(readDER(der), TAG.sequence);
    const [, subject = MISSING, , attributes] = readAll(info, TAG.sequence);
    return { der, ...readSubject(subject), alternativeNames: countAlternativeNames(attributes) };
  } catch (cause) {
    if (!(cause instanceof DERError)) throw cause;
    throw new CertificateRequestError(`it is not a request for a certificate: ${cause.message}`, { cause });
  }
}

/** Stands for what is not there: nothing reads it. */
const MISSING: DERValue = { tag: 0, content: new Uint8Array(), bytes: new Uint8Array() };

/** A Name, RFC 5280 section 4.1.2.4. */
function readSubject(subject: DERValue): Pick<CertificateRequest, 'commonName' | 'organizations' | 'otherNames'> {
  const parts = readAll(subject, TAG.sequence).flatMap((set) => readAll(set, TAG.set).map(readNamePart));
  const named = (oid: string) =>
    parts.flatMap(({ type, value }) => (type === oid && value !== undefined ? [value] : []));
  const commonNames = named(COMMON_NAME);
  const organizations = named(ORGANIZATION);
  // Of several the last counts, as where certificates are read; the others are of no use to anybody honest.
  const used = organizations.length + Math.min(commonNames.length, 1);
  return { commonName: commonNames.at(-1) ?? '', organizations, otherNames: parts.length - used };
}

function readNamePart(part: DERValue): { readonly type: string; readonly value: string | undefined } {
  const [type = MISSING, value = MISSING] = readAll(part, TAG.sequence);
  return { type: readOID(type), value: readText(value) };
}

/** Those of the extensions that are asked for: RFC 2985 section 5.4.2. */
function countAlternativeNames(attributes: DERValue | undefined): CertificateRequest['alternativeNames'] {
  const names = attributes === undefined ? [] : readAll(attributes, 0xa0).flatMap(alternativeNamesOf);
  const count = (tags: readonly number[]) => names.filter(({ tag }) => tags.includes(tag)).length;
  // Tags of GeneralName: RFC 5280 section 4.2.1.6.
  const [dns, ip] = [count([0x82]), count([0x87])];
  return { dns, ip, other: names.length - dns - ip };
}

function alternativeNamesOf(attribute: DERValue): readonly DERValue[] {
  const [type = MISSING, values = MISSING] = readAll(attribute, TAG.sequence);
  if (readOID(type) !== EXTENSION_REQUEST) return [];
  return readAll(values, TAG.set).flatMap((extensions) =>
    readAll(extensions, TAG.sequence).flatMap((extension) => {
      const parts = readAll(extension, TAG.sequence);
      const [oid = MISSING] = parts;
      const value = parts.at(-1) ?? MISSING;
      if (readOID(oid) !== SUBJECT_ALTERNATIVE_NAME || value.tag !== TAG.octetString) return [];
      return readAll(readDER(value.content), TAG.sequence);
    }),
  );
}
