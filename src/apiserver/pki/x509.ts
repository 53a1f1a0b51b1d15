/**
 * Writing certificates, X.509 version 3 as RFC 5280 has it, signed by an authority with an EC key. As much of it as a cluster needs; a
 * library that knows all of it takes longer to load than all else that a server does until it answers.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto';
import { type DERValue, readAll, readBits, readDER, readOID, TAG } from '../../lib/der.ts';
import { writeBits, writeDER, writeOID, writeText, writeTime, writeUTF8 } from '../../lib/der-write.ts';
import { ipBytes, parseIP } from '../../lib/ip.ts';
import { pemBlocks, printPEM } from '../../lib/pem.ts';

/** What is certified. */
export interface Certificate {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly publicKey: KeyObject;
  readonly usage: Usage;
}

/** What for. */
export type Usage =
  | { readonly kind: 'authority' }
  | { readonly kind: 'client' }
  /** Of names and addresses. */
  | { readonly kind: 'server'; readonly hosts: readonly string[] };

/** Who signs. */
export interface Issuer {
  /** Its name, DER. */
  readonly name: Uint8Array;
  /** By which its own certificate names its key. */
  readonly keyIdentifier: Uint8Array;
  readonly key: KeyObject;
}

const COMMON_NAME = '2.5.4.3';
const ORGANIZATION = '2.5.4.10';
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';

/** Section 4.2.1. */
const EXTENSION = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
} as const;
const EXTENDED_USAGE = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const;
/** Bits of a key usage, with how many at the end do not count: section 4.2.1.3. */
const DIGITAL_SIGNATURE = Uint8Array.of(7, 0b1000_0000);
const SIGNS_CERTIFICATES_AND_LISTS = Uint8Array.of(1, 0b0000_0110);
/** Tags that a context gives: of a certificate's parts, of general names, of an authority's key. */
const CONTEXT = { version: 0xa0, extensions: 0xa3, dnsName: 0x82, ipAddress: 0x87, keyIdentifier: 0x80 } as const;

/** An authority that there is, from PEM texts. */
export function readIssuer(certificate: string, key: string): Issuer {
  const [der = new Uint8Array()] = pemBlocks(certificate, 'CERTIFICATE');
  const [tbs = MISSING] = readAll(readDER(der), TAG.sequence);
  const [, , , , , subject = MISSING, publicKey = MISSING, ...more] = readAll(tbs, TAG.sequence);
  return {
    name: subject.bytes,
    keyIdentifier: ownKeyIdentifier(more) ?? digestOfKey(publicKey),
    key: createPrivateKey(key),
  };
}

/** Stands for what is not there: whoever reads it is told so. */
const MISSING: DERValue = { tag: 0, content: new Uint8Array(), bytes: new Uint8Array() };

/** A certificate that its own key signs; PEM. */
export function selfSigned(certificate: Certificate, key: KeyObject): string {
  const keyIdentifier = digestOfKey(readDER(spki(certificate.publicKey)));
  return signed(certificate, { name: subjectOf(certificate), keyIdentifier, key });
}

/** A certificate that an authority signs; PEM. */
export function signed(certificate: Certificate, issuer: Issuer): string {
  if (issuer.key.asymmetricKeyType !== 'ec') {
    throw new Error(`the key of the authority must be an EC key; this is ${issuer.key.asymmetricKeyType}`);
  }
  const algorithm = writeDER(TAG.sequence, writeOID(ECDSA_WITH_SHA256));
  const { notBefore, notAfter, publicKey } = certificate;
  const tbs = writeDER(
    TAG.sequence,
    writeDER(CONTEXT.version, integer(2)),
    writeDER(TAG.integer, serialNumber()),
    algorithm,
    issuer.name,
    writeDER(TAG.sequence, writeTime(notBefore), writeTime(notAfter)),
    subjectOf(certificate),
    spki(publicKey),
    writeDER(CONTEXT.extensions, writeDER(TAG.sequence, ...extensionsOf(certificate, issuer))),
  );
  return printPEM('CERTIFICATE', writeDER(TAG.sequence, tbs, algorithm, writeBits(sign('sha256', tbs, issuer.key))));
}

/** A number that no other certificate of the authority has: positive, and without needless zeros in front. */
function serialNumber(): Uint8Array {
  const bytes = new Uint8Array(randomBytes(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes;
}

function subjectOf({ organizations, commonName }: Certificate): Uint8Array {
  return writeDER(
    TAG.sequence,
    ...organizations.map((name) => namePart(ORGANIZATION, name)),
    namePart(COMMON_NAME, commonName),
  );
}

function namePart(type: string, text: string): Uint8Array {
  return writeDER(TAG.set, writeDER(TAG.sequence, writeOID(type), writeUTF8(text)));
}

function extensionsOf({ usage }: Certificate, { keyIdentifier }: Issuer): readonly Uint8Array[] {
  if (usage.kind === 'authority') {
    return [
      // It signs no further authorities.
      extension('basicConstraints', { isCritical: true }, writeDER(TAG.sequence, TRUE, integer(0))),
      extension('keyUsage', { isCritical: true }, writeDER(TAG.bitString, SIGNS_CERTIFICATES_AND_LISTS)),
      extension('subjectKeyIdentifier', {}, writeDER(TAG.octetString, keyIdentifier)),
    ];
  }
  return [
    extension('basicConstraints', { isCritical: true }, writeDER(TAG.sequence)),
    extension('keyUsage', { isCritical: true }, writeDER(TAG.bitString, DIGITAL_SIGNATURE)),
    extension('extKeyUsage', {}, writeDER(TAG.sequence, writeOID(EXTENDED_USAGE[usage.kind]))),
    extension('authorityKeyIdentifier', {}, writeDER(TAG.sequence, writeDER(CONTEXT.keyIdentifier, keyIdentifier))),
    ...(usage.kind === 'server'
      ? [extension('subjectAltName', {}, writeDER(TAG.sequence, ...usage.hosts.map(generalName)))]
      : []),
  ];
}

function extension(
  name: keyof typeof EXTENSION,
  { isCritical = false }: { readonly isCritical?: boolean },
  value: Uint8Array,
): Uint8Array {
  const critical = isCritical ? [TRUE] : [];
  return writeDER(TAG.sequence, writeOID(EXTENSION[name]), ...critical, writeDER(TAG.octetString, value));
}

const TRUE = writeDER(TAG.boolean, Uint8Array.of(0xff));

function integer(byte: number): Uint8Array {
  return writeDER(TAG.integer, Uint8Array.of(byte));
}

function generalName(host: string): Uint8Array {
  const ip = parseIP(host);
  return ip === undefined ? writeText(CONTEXT.dnsName, host) : writeDER(CONTEXT.ipAddress, ipBytes(ip));
}

function spki(key: KeyObject): Uint8Array {
  return (key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'der' });
}

/** Section 4.2.1.2, the first method, of a SubjectPublicKeyInfo. */
function digestOfKey(info: DERValue): Uint8Array {
  const [, key = MISSING] = readAll(info, TAG.sequence);
  return createHash('sha1').update(readBits(key)).digest();
}

/** What an authority's certificate says of its key: clients follow that, and it need not be a digest. */
function ownKeyIdentifier(parts: readonly DERValue[]): Uint8Array | undefined {
  const extensions = parts.find(({ tag }) => tag === CONTEXT.extensions);
  const [list = MISSING] = extensions === undefined ? [] : readAll(extensions, CONTEXT.extensions);
  if (extensions === undefined) return undefined;
  for (const each of readAll(list, TAG.sequence)) {
    const [oid = MISSING, ...value] = readAll(each, TAG.sequence);
    const last = value.at(-1);
    if (last === undefined || readOID(oid) !== EXTENSION.subjectKeyIdentifier) continue;
    return readDER(last.content).content;
  }
  return undefined;
}
