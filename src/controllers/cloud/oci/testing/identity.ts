/**
 * An instance that speaks for itself: the metadata service that tells it its certificate, and the service that gives a token for it.
 * https://docs.oracle.com/en-us/iaas/Content/Identity/Tasks/callingservicesfrominstances.htm
 */
import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { type Authority, type Certified, issue, makeAuthority, RSA } from './certificates.ts';
import { isRecord } from './checks.ts';
import { REGION } from './cloud.ts';
import { Failure } from './failure.ts';
import type { WireAnswer, WireRequest } from './front.ts';
import { parsedJson } from './json.ts';
import { authenticate } from './signature.ts';

/** Where tokens are given. */
export const TOKEN_PATH = '/v1/x509';

const METADATA_PATH = '/opc/v2/';
const LIFETIME = 20 * 60 * 1000;
const JSON_TYPE = { 'content-type': 'application/json' };

export class InstanceIdentity {
  readonly #tenancyId: string;
  readonly #authority: Authority;
  readonly #leaf: Certified;
  readonly #tokens = new Map<string, { readonly key: KeyObject; readonly expires: number }>();
  #given = 0;

  private constructor(tenancyId: string, authority: Authority, leaf: Certified) {
    this.#tenancyId = tenancyId;
    this.#authority = authority;
    this.#leaf = leaf;
  }

  static async make(tenancyId: string): Promise<InstanceIdentity> {
    const authority = await makeAuthority('CN=instances of the test cloud', RSA);
    const subject = `CN=instance, OU=opc-certtype:instance, OU=opc-tenant:${tenancyId}`;
    return new InstanceIdentity(tenancyId, authority, await issue(authority, { subject, algorithm: RSA }));
  }

  /** How many tokens were given. */
  get given(): number {
    return this.#given;
  }

  /** No token that was given is worth anything any more. */
  withdraw(): void {
    this.#tokens.clear();
  }

  /** The key of the token that a request names. */
  keyOf(keyId: string, now: number): KeyObject | undefined {
    const token = this.#tokens.get(keyId.replace(/^ST\$/, ''));
    return token !== undefined && token.expires > now ? token.key : undefined;
  }

  /** The metadata service; not yet listening. */
  metadataServer(): Server {
    const files: Readonly<Record<string, string>> = {
      'instance/region': REGION,
      'identity/cert.pem': this.#leaf.certificate,
      'identity/key.pem': this.#leaf.key,
      'identity/intermediate.pem': this.#authority.certificate,
    };
    return createServer(({ url = '', headers }, response) => {
      const file = url.startsWith(METADATA_PATH) ? files[url.slice(METADATA_PATH.length)] : undefined;
      // The header keeps pages in a browser from asking.
      if (headers.authorization !== 'Bearer Oracle' || file === undefined) response.writeHead(404).end();
      else response.writeHead(200, { 'content-type': 'text/plain' }).end(file);
    });
  }

  /** Gives a token for the key that the request brings; throws a {@link Failure}. */
  giveToken(request: WireRequest, now: number): WireAnswer {
    const { leaf, publicKey } = read(bodyOf(request));
    if (!leaf.verify(createPublicKey(this.#authority.certificate)))
      throw refused('the certificate is not of an instance');
    const fingerprint = leaf.fingerprint.toLowerCase();
    const keyId = `${this.#tenancyId}/fed-x509/${fingerprint}`;
    authenticate(request, (asked) => (asked === keyId ? leaf.publicKey : undefined), now);
    this.#given += 1;
    const expires = now + LIFETIME;
    const token = jsonWebToken({ sub: `instance-${this.#given}`, exp: Math.floor(expires / 1000) });
    this.#tokens.set(token, { key: publicKey, expires });
    return { status: 200, headers: JSON_TYPE, body: JSON.stringify({ token }) };
  }
}

const refused = (why: string) => new Failure(401, 'NotAuthenticated', `No token is given: ${why}.`);

/** The SDK sends what is between the lines of a PEM. */
function bodyOf({ body }: WireRequest): { readonly certificate: string; readonly publicKey: string } {
  const parsed = parsedJson(body);
  if (!isRecord(parsed)) throw refused('the body is no object in JSON');
  const { certificate, publicKey } = parsed;
  if (typeof certificate !== 'string' || typeof publicKey !== 'string')
    throw refused('certificate or publicKey is missing');
  return { certificate: pem('CERTIFICATE', certificate), publicKey: pem('PUBLIC KEY', publicKey) };
}

function read({ certificate, publicKey }: ReturnType<typeof bodyOf>) {
  try {
    return { leaf: new X509Certificate(certificate), publicKey: createPublicKey(publicKey) };
  } catch {
    throw refused('certificate or publicKey is none');
  }
}

function pem(label: string, base64: string): string {
  const lines = base64.replaceAll(/\s/g, '').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

/** Clients read when it ends. Its signature is nobody's business but the cloud's, which knows its tokens. */
function jsonWebToken(payload: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256', typ: 'JWT' })}.${part(payload)}.${Buffer.from('of the test cloud').toString('base64url')}`;
}
