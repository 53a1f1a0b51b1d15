/** Who asks: the signature of a request. https://docs.oracle.com/en-us/iaas/Content/API/Concepts/signingrequests.htm */
import { createHash, type KeyObject, verify } from 'node:crypto';
import { Failure } from './failure.ts';
import type { WireRequest } from './front.ts';

/** Public keys by what requests call them; undefined: nobody's, or no longer. */
export type KeyOf = (keyId: string) => KeyObject | undefined;

/** How far the clocks of two hosts may differ, in milliseconds. */
export const MAX_SKEW = 5 * 60 * 1000;

const ALWAYS: readonly string[] = ['(request-target)', 'host'];
/** Of requests that have a body. */
const WITH_BODY: readonly string[] = ['content-length', 'content-type', 'x-content-sha256'];

/** Throws a {@link Failure} unless the request was signed, in all that must be, with the key that it names. Says who it is. */
export function authenticate(request: WireRequest, keyOf: KeyOf, now: number): string {
  const { keyId = '', algorithm, headers = '', signature = '' } = parametersOf(request.headers['authorization']);
  if (algorithm !== 'rsa-sha256') throw unknown(`the algorithm is ${algorithm}, not rsa-sha256`);
  const signed = headers.toLowerCase().split(' ');
  checkSigned(request.method, signed);
  checkDate(request.headers, signed, now);
  checkBody(request, signed);
  const key = keyOf(keyId);
  if (key === undefined) throw unknown('the key is not known');
  const text = Buffer.from(signed.map((name) => line(request, name)).join('\n'));
  if (!verify('RSA-SHA256', text, key, Buffer.from(signature, 'base64')))
    throw unknown('the signature is not of this request');
  return keyId;
}

const unknown = (why: string) =>
  new Failure(401, 'NotAuthenticated', `The required information to complete authentication was not provided: ${why}.`);

function parametersOf(authorization: string | undefined): Readonly<Record<string, string>> {
  if (authorization === undefined || !/^Signature /i.test(authorization)) throw unknown('there is no signature');
  const found = [...authorization.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]);
  return Object.fromEntries(found);
}

function checkSigned(method: string, signed: readonly string[]): void {
  const needed = method === 'POST' || method === 'PUT' || method === 'PATCH' ? [...ALWAYS, ...WITH_BODY] : ALWAYS;
  const missing = needed.filter((name) => !signed.includes(name));
  if (missing.length > 0) throw unknown(`${missing.join(', ')} is not signed`);
  if (!signed.includes('date') && !signed.includes('x-date')) throw unknown('date is not signed');
}

function checkDate(headers: WireRequest['headers'], signed: readonly string[], now: number): void {
  const said = headers[signed.includes('x-date') ? 'x-date' : 'date'] ?? '';
  const date = Date.parse(said);
  if (Number.isNaN(date) || Math.abs(date - now) > MAX_SKEW)
    throw unknown(`its date is ${said}, which is too far from now`);
}

function checkBody({ body, headers }: WireRequest, signed: readonly string[]): void {
  if (!signed.includes('x-content-sha256')) return;
  const hash = createHash('sha256').update(body).digest('base64');
  if (headers['x-content-sha256'] !== hash) throw unknown('x-content-sha256 is not that of the body');
  if (Number(headers['content-length']) !== Buffer.byteLength(body))
    throw unknown('content-length is not that of the body');
}

function line({ method, target, headers }: WireRequest, name: string): string {
  if (name === '(request-target)') return `${name}: ${method.toLowerCase()} ${target}`;
  return `${name}: ${headers[name] ?? ''}`;
}
