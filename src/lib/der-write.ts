/** Writing DER, ITU-T X.690: as much of it as a request for a certificate needs. */

/** A value of a tag, with what is in it. */
export function writeDER(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const content = Buffer.concat(contents);
  return new Uint8Array(Buffer.concat([Uint8Array.of(tag), lengthOf(content.length), content]));
}

/** An object identifier, given as dotted numbers. */
export function writeOID(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return writeDER(0x06, Uint8Array.from([first * 40 + second, ...rest].flatMap(base128)));
}

export function writeUTF8(text: string): Uint8Array {
  return writeDER(0x0c, Buffer.from(text, 'utf8'));
}

/** A string of whole bytes. */
export function writeBits(bytes: Uint8Array): Uint8Array {
  return writeDER(0x03, Uint8Array.of(0), bytes);
}

function lengthOf(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Uint8Array.of(0x80 | bytes.length, ...bytes);
}

function base128(number: number): readonly number[] {
  const bytes = [number % 128];
  for (let rest = Math.floor(number / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift((rest % 128) | 0x80);
  return bytes;
}
