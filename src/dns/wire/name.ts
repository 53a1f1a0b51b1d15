/**
 * Domain names. As text they are in lower case, without the final dot, the root is the empty string, and a byte that is
 * not plain in a label is written `\DDD` (RFC 1035 section 5.1), so that one text always means one name.
 */
import { WireError } from './wire-error.ts';

/** RFC 1035 section 2.3.4: octets of a label, and of a name with its length octets. */
const LABEL_LIMIT = 63;
const NAME_LIMIT = 255;

/** Reads an uncompressed name: in the question of a query there is nothing that a pointer could point to. */
export function decodeName(bytes: Uint8Array, start: number): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = start;
  for (;;) {
    const length = bytes[at];
    if (length === undefined) throw new WireError('the name runs past the end of the message');
    if (length > LABEL_LIMIT) throw new WireError('a label is longer than 63 octets, or is a pointer');
    at++;
    if (at + length - start > NAME_LIMIT) throw new WireError('the name is longer than 255 octets');
    if (length === 0) return { name: labels.join('.'), end: at };
    if (at + length > bytes.length) throw new WireError('the name runs past the end of the message');
    labels.push(printLabel(bytes.subarray(at, at + length)));
    at += length;
  }
}

function printLabel(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    if (isPlain(byte)) text += String.fromCharCode(byte);
    else if (byte >= 0x41 && byte <= 0x5a) text += String.fromCharCode(byte + 0x20);
    else text += `\\${String(byte).padStart(3, '0')}`;
  }
  return text;
}

/** Lower-case letters, digits, hyphen and underscore. */
function isPlain(byte: number): boolean {
  return (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x2d || byte === 0x5f;
}

/** The octets of one label of a name's text. Throws {@link WireError} when it is empty, too long or badly escaped. */
export function labelBytes(label: string): Uint8Array {
  const bytes: number[] = [];
  for (let i = 0; i < label.length; i++) {
    if (label[i] !== '\\') {
      bytes.push(label.charCodeAt(i));
      continue;
    }
    const digits = label.slice(i + 1, i + 4);
    if (!/^\d{3}$/.test(digits)) throw new WireError(`bad escape in ${JSON.stringify(label)}`);
    bytes.push(Number(digits));
    i += 3;
  }
  const fits = bytes.length > 0 && bytes.length <= LABEL_LIMIT && bytes.every((byte) => byte <= 0xff);
  if (!fits) throw new WireError(`not a label: ${JSON.stringify(label)}`);
  return Uint8Array.from(bytes);
}

/** The text of a name as people and manifests write it: `Example.COM.` is `example.com`. */
export function canonicalName(text: string): string {
  const plain = text.endsWith('.') ? text.slice(0, -1) : text;
  return plain.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Whether a name is `zone` itself or lies below it. */
export function isWithin(name: string, zone: string): boolean {
  return name === zone || zone === '' || name.endsWith(`.${zone}`);
}

/** The name without its first label; the root has no parent. */
export function parentName(name: string): string | undefined {
  if (name === '') return undefined;
  const dot = name.indexOf('.');
  return dot < 0 ? '' : name.slice(dot + 1);
}
