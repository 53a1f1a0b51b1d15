/** For tests: a server over HTTPS that answers as it is told, and a configuration to reach it with. */
import { createVerify, generateKeyPairSync, webcrypto } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Extension } from '@peculiar/x509';
import { Secret } from '../config/secret.ts';
import type { OciConfig } from '../config.ts';

export type Answering = (request: IncomingMessage, body: string, response: ServerResponse) => void;

export interface TestServer {
  readonly endpoint: string;
  /** In PEM. */
  readonly ca: string;
  /** Of connections that were made to it. */
  readonly connections: () => number;
  readonly stop: () => void;
}

export async function startTestServer(answer: Answering): Promise<TestServer> {
  const { certificate, key } = await makeCertificate();
  let connections = 0;
  const server = createServer({ cert: certificate, key }, async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    answer(request, body, response);
  });
  server.on('connection', () => {
    connections++;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `https://127.0.0.1:${port}`,
    ca: certificate,
    connections: () => connections,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength: 2048,
};

interface Certified {
  /** Both in PEM. */
  readonly certificate: string;
  readonly key: string;
}

async function makeCertificate(): Promise<Certified> {
  const { BasicConstraintsExtension, SubjectAlternativeNameExtension } = await loadX509();
  const extensions = [
    new BasicConstraintsExtension(true, 0, true),
    new SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }]),
  ];
  return selfSigned('CN=test server', ALGORITHM, extensions);
}

/** As the metadata service of an instance has one: it says whose the instance is. */
export function makeInstanceCertificate(): Promise<Certified> {
  return selfSigned(`CN=instance, OU=opc-tenant:${TENANCY}`, RSA, []);
}

async function selfSigned(
  name: string,
  algorithm: typeof ALGORITHM | typeof RSA,
  extensions: Extension[],
): Promise<Certified> {
  const { PemConverter, X509CertificateGenerator } = await loadX509();
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name,
    keys,
    signingAlgorithm: algorithm,
    extensions,
  });
  const key = PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  return { certificate: certificate.toString('pem'), key };
}

/** It asks for Reflect's metadata while it loads, and never uses it. */
async function loadX509(): Promise<typeof import('@peculiar/x509')> {
  for (const name of ['getMetadata', 'getOwnMetadata', 'defineMetadata']) {
    Object.defineProperty(Reflect, name, { value: () => undefined, configurable: true });
  }
  return import('@peculiar/x509');
}

/** A user's key, and the public half of it in PEM. */
export function makeApiKey(): { readonly privateKey: string; readonly publicKey: string } {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
}

/**
 * Whether a request is signed with a key's private half, as far as it must be.
 * https://docs.oracle.com/en-us/iaas/Content/API/Concepts/signingrequests.htm
 */
export function signedBy({ method = '', url = '', headers }: IncomingMessage, publicKey: string): boolean {
  const parameters = Object.fromEntries(
    [...(headers.authorization ?? '').matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]),
  );
  const names: readonly string[] = parameters['headers']?.toLowerCase().split(' ') ?? [];
  const needed = ['(request-target)', 'host', method === 'GET' ? 'x-date' : 'x-content-sha256'];
  if (!needed.every((name) => names.includes(name))) return false;
  const lines = names.map((name) =>
    name === '(request-target)' ? `${name}: ${method.toLowerCase()} ${url}` : `${name}: ${headers[name]}`,
  );
  const verify = createVerify('RSA-SHA256').update(lines.join('\n'));
  return verify.verify(publicKey, parameters['signature'] ?? '', 'base64');
}

export const TENANCY = 'ocid1.tenancy.oc1..aaaatenancy';
export const USER = 'ocid1.user.oc1..aaaauser';
export const COMPARTMENT = 'ocid1.compartment.oc1..aaaacompartment';
export const FINGERPRINT = '20:3b:97:13:55:1c:5b:0d:d3:37:d8:50:4e:c5:3a:34';

export function testConfig(options: {
  readonly endpoint: string;
  readonly ca: string;
  readonly privateKey: string;
}): OciConfig {
  const { endpoint, ca, privateKey } = options;
  const credentials = { kind: 'api-key', tenancy: TENANCY, user: USER, fingerprint: FINGERPRINT } as const;
  return {
    credentials: { ...credentials, privateKey: new Secret(privateKey) },
    region: 'us-phoenix-1',
    compartment: COMPARTMENT,
    vcn: undefined,
    loadBalancer: {
      disabled: false,
      subnet1: undefined,
      subnet2: undefined,
      securityListManagementMode: 'All',
      securityLists: {},
    },
    tags: { freeform: {}, defined: {} },
    rateLimits: undefined,
    endpoints: { core: endpoint, loadBalancer: endpoint, networkLoadBalancer: endpoint },
    ca,
    warnings: [],
  };
}
