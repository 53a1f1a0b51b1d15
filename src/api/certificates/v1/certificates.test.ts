import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TAG } from '../../../lib/der.ts';
import { writeDER, writeOID, writeUTF8 } from '../../../lib/der-write.ts';
import { printPEM } from '../../../lib/pem.ts';
import { CertificateSigningRequest } from './certificatesigningrequest.ts';
import { CertificateRequestError, parseCertificateRequest } from './request.ts';
import { NODE_CLIENT_SIGNER, whyNotSigned } from './signers.ts';

const NAMES = { CN: '2.5.4.3', O: '2.5.4.10', OU: '2.5.4.11' } as const;

/** A request as far as it is read: key and signature are nothing. */
function request(subject: readonly (readonly [keyof typeof NAMES, string])[], dns: readonly string[] = []): string {
  const sequence = (...contents: readonly Uint8Array[]) => writeDER(TAG.sequence, ...contents);
  const names = subject.map(([type, text]) => writeDER(TAG.set, sequence(writeOID(NAMES[type]), writeUTF8(text))));
  const alternatives = sequence(...dns.map((name) => writeDER(0x82, Buffer.from(name))));
  const extension = sequence(writeOID('2.5.29.17'), writeDER(TAG.octetString, alternatives));
  const attribute = sequence(writeOID('1.2.840.113549.1.9.14'), writeDER(TAG.set, sequence(extension)));
  const attributes = writeDER(0xa0, ...(dns.length === 0 ? [] : [attribute]));
  const info = sequence(writeDER(TAG.integer, Uint8Array.of(0)), sequence(...names), sequence(), attributes);
  return printPEM('CERTIFICATE REQUEST', sequence(info, sequence(), writeDER(TAG.bitString, Uint8Array.of(0))));
}

const NODE = [
  ['O', 'system:nodes'],
  ['CN', 'system:node:n1'],
] as const;

function csr(spec: object): CertificateSigningRequest {
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'a' },
    spec: {
      request: Buffer.from(request(NODE)).toString('base64'),
      signerName: NODE_CLIENT_SIGNER,
      usages: ['client auth'],
      ...spec,
    },
  };
}

describe('a request for a certificate', () => {
  it('says whom it is for', () => {
    const asked = parseCertificateRequest(request(NODE, ['a.example', 'b.example']));
    assert.equal(asked.commonName, 'system:node:n1');
    assert.deepEqual(asked.organizations, ['system:nodes']);
    assert.equal(asked.otherNames, 0);
    assert.deepEqual(asked.alternativeNames, { dns: 2, ip: 0, other: 0 });
  });

  it('is refused when it is anything else', () => {
    const pem = request(NODE);
    const der = Buffer.from(pem.split('\n').slice(1, -2).join(''), 'base64');
    const bad = [
      '',
      'x',
      pem + pem,
      pem.replaceAll('REQUEST', ''),
      ...[1, 10, der.length - 1].map((length) => printPEM('CERTIFICATE REQUEST', der.subarray(0, length))),
      printPEM('CERTIFICATE REQUEST', Buffer.alloc(100_000)),
    ];
    for (const text of bad) assert.throws(() => parseCertificateRequest(text), CertificateRequestError);
  });

  it('is signed for nodes only when it is for a node, and nothing but a node', () => {
    const why = (subject: Parameters<typeof request>[0], spec: object = {}, dns: readonly string[] = []) =>
      whyNotSigned(csr(spec).spec, parseCertificateRequest(request(subject, dns)));
    assert.equal(why(NODE), undefined);
    assert.match(why([['CN', 'system:node:n1']]) ?? '', /organization must be exactly system:nodes/);
    assert.match(why([...NODE, ['O', 'system:masters']]) ?? '', /organization must be exactly/);
    assert.match(why([NODE[0], ['CN', 'admin']]) ?? '', /must begin with system:node:/);
    assert.match(why([NODE[0], ['CN', 'system:node:']]) ?? '', /must begin with system:node:/);
    assert.match(why([...NODE, ['CN', 'system:node:n2']]) ?? '', /a common name and an organization only/);
    assert.match(why([...NODE, ['OU', 'x']]) ?? '', /a common name and an organization only/);
    assert.match(why(NODE, {}, ['a.example']) ?? '', /alternative names are not allowed/);
    assert.match(why(NODE, { usages: ['client auth', 'server auth'] }) ?? '', /"server auth" is not one of/);
    assert.match(why(NODE, { usages: ['digital signature'] }) ?? '', /must contain "client auth"/);
  });
});

describe('a CertificateSigningRequest', () => {
  it('has every mistake told at once', () => {
    const causes = CertificateSigningRequest.validate(
      csr({ request: '', usages: ['client auth', 'client auth', 'x'], signerName: 'x', expirationSeconds: 5 }),
      undefined,
    );
    assert.deepEqual(
      causes.map(({ field }) => field),
      ['spec.request', 'spec.usages[2]', 'spec.usages[1]', 'spec.signerName', 'spec.expirationSeconds'],
    );
    assert.deepEqual(CertificateSigningRequest.validate(csr({}), undefined), []);
  });

  it('cannot be both approved and denied, nor be given another certificate', () => {
    const old = { ...csr({}), status: { certificate: Buffer.from('x').toString('base64') } };
    const conditions = [
      { type: 'Approved', status: 'True' },
      { type: 'Denied', status: 'True' },
    ];
    const causes = CertificateSigningRequest.validate({ ...old, status: { conditions, certificate: 'eQ==' } }, old);
    assert.deepEqual(
      causes.map(({ field }) => field),
      ['status.conditions[1]', 'status.certificate', 'status.certificate'],
    );
  });

  it('leaves it to the server to say who asks, and never changes', () => {
    const made = CertificateSigningRequest.prepare(csr({ username: 'admin', groups: ['system:masters'] }), undefined);
    assert.equal(made.spec.username, undefined);
    assert.equal(made.spec.groups, undefined);
    const kept = CertificateSigningRequest.prepare(csr({ signerName: 'other.example/x' }), made);
    assert.equal(kept.spec.signerName, NODE_CLIENT_SIGNER);
  });
});
