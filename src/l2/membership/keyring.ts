/** The cluster's secrets, with which heartbeats are signed (HMAC-SHA256, RFC 2104, cut to 16 bytes). */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { HeartbeatKey } from '../lan/messages.ts';
import { SECRET_BYTES } from '../settings.ts';
import { TAG_LENGTH } from './message.ts';

/** Keys are tried one after another, on bytes of anybody's: more are not needed to change one for another. */
const MAX_KEYS = 4;

export class Keyring {
  #keys: readonly KeyObject[] = [];

  /** The first key signs, any of them is accepted. Returns how many were left out: too short, or one too many. */
  set(keys: readonly HeartbeatKey[]): number {
    const usable = keys.filter(({ secret }) => secret.length >= SECRET_BYTES.least).slice(0, MAX_KEYS);
    this.#keys = usable.map(({ secret }) => createSecretKey(secret));
    return keys.length - usable.length;
  }

  get isEmpty(): boolean {
    return this.#keys.length === 0;
  }

  /** Writes the tag into the last bytes of a message. Only with a key. */
  sign(message: Buffer): void {
    const [key] = this.#keys;
    if (key === undefined) throw new Error('a heartbeat cannot be signed: there is no key');
    tag(key, message).copy(message, message.length - TAG_LENGTH);
  }

  accepts(message: Buffer): boolean {
    if (message.length < TAG_LENGTH) return false;
    const found = message.subarray(message.length - TAG_LENGTH);
    return this.#keys.some((key) => timingSafeEqual(tag(key, message), found));
  }
}

function tag(key: KeyObject, message: Buffer): Buffer {
  const signed = message.subarray(0, message.length - TAG_LENGTH);
  return createHmac('sha256', key).update(signed).digest().subarray(0, TAG_LENGTH);
}
