/**
 * The one word that another machine is given to join with: which authority the cluster has, and a bootstrap token. Pure.
 * `postern1.PIN.ID.SECRET`; PIN is the SHA-256 digest of the authority's public key, as `ca-cert-hash` is in kubeadm.
 */
import { UserError } from '../errors.ts';

export interface JoinToken {
  /** SHA-256 of the authority's SubjectPublicKeyInfo, base64url: 43 letters. */
  readonly pin: string;
  /** `ID.SECRET`: what the API takes as a bearer token. */
  readonly bearer: string;
}

const FORM = /^postern1\.([A-Za-z0-9_-]{43})\.([a-z0-9]{6}\.[a-z0-9]{16})$/;
const REMEDY = 'Make one on a server: postern token create. What it prints is the whole command for this machine.';

export function printJoinToken({ pin, bearer }: JoinToken): string {
  return `postern1.${pin}.${bearer}`;
}

/** Reads what was typed, or stands in a file. Throws {@link UserError}, and never quotes it: it is a secret. */
export function parseJoinToken(text: string): JoinToken {
  const [, pin, bearer] = FORM.exec(text.trim()) ?? [];
  if (pin !== undefined && bearer !== undefined) return { pin, bearer };
  throw new UserError(`the token is not one: ${whatIsWrong(text.trim())}`, REMEDY);
}

function whatIsWrong(text: string): string {
  if (text === '') return 'it is empty';
  if (/^[a-z0-9]{6}\.[a-z0-9]{16}$/.test(text)) {
    return 'it is a bootstrap token alone, without the digest of the cluster’s authority (postern1.DIGEST.ID.SECRET)';
  }
  if (!text.startsWith('postern1.')) return 'it does not begin with postern1.';
  return 'it has been cut off or changed on its way (it is postern1.DIGEST.ID.SECRET, of 43, 6 and 16 letters)';
}
