/** Writes a message into a buffer of fixed size, compressing names as RFC 1035 section 4.1.4 describes. */
import { labelBytes } from './name.ts';
import { WireError } from './wire-error.ts';

/** Pointers have 14 bits. */
const POINTER_LIMIT = 0x4000;

export class Writer {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Where each name, or end of a name, was written first. */
  readonly #names = new Map<string, number>();
  #at = 0;

  constructor(limit: number) {
    this.#bytes = new Uint8Array(limit);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#at;
  }

  uint8(value: number): void {
    this.#view.setUint8(this.#claim(1), value);
  }

  uint16(value: number): void {
    this.#view.setUint16(this.#claim(2), value);
  }

  uint32(value: number): void {
    this.#view.setUint32(this.#claim(4), value);
  }

  raw(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#claim(bytes.length));
  }

  /** One `<character-string>`: RFC 1035 section 3.3. */
  characterString(text: string): void {
    const bytes = new TextEncoder().encode(text);
    if (bytes.length > 255) throw new WireError('a character string is longer than 255 octets');
    this.uint8(bytes.length);
    this.raw(bytes);
  }

  /** A name; `compress: false` where the record's own rules forbid pointers, as for SRV (RFC 2782). */
  name(name: string, options: { readonly compress: boolean } = { compress: true }): void {
    let rest = name;
    while (rest !== '') {
      const known = options.compress ? this.#names.get(rest) : undefined;
      if (known !== undefined) {
        this.uint16(0xc000 | known);
        return;
      }
      if (this.#at < POINTER_LIMIT && !this.#names.has(rest)) this.#names.set(rest, this.#at);
      const dot = rest.indexOf('.');
      const label = labelBytes(dot < 0 ? rest : rest.slice(0, dot));
      this.uint8(label.length);
      this.raw(label);
      rest = dot < 0 ? '' : rest.slice(dot + 1);
    }
    this.uint8(0);
  }

  /** Remembers a name that was written as raw bytes at `at`, so that later ones can point to it. */
  remember(name: string, at: number): void {
    let rest = name;
    let offset = at;
    while (rest !== '') {
      this.#names.set(rest, offset);
      const dot = rest.indexOf('.');
      offset += 1 + labelBytes(dot < 0 ? rest : rest.slice(0, dot)).length;
      rest = dot < 0 ? '' : rest.slice(dot + 1);
    }
  }

  /** Writes what `body` writes behind its own 16-bit length. */
  measured(body: () => void): void {
    const at = this.#claim(2);
    body();
    this.#view.setUint16(at, this.#at - at - 2);
  }

  setUint16(at: number, value: number): void {
    this.#view.setUint16(at, value);
  }

  /** Runs `body`; when it does not fit, nothing of it stays and the answer is false. */
  attempt(body: () => void): boolean {
    const before = this.#at;
    try {
      body();
      return true;
    } catch (error) {
      if (!(error instanceof MessageFull)) throw error;
      this.#at = before;
      for (const [name, at] of this.#names) if (at >= before) this.#names.delete(name);
      return false;
    }
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  #claim(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.length) throw new MessageFull();
    this.#at = at + count;
    return at;
  }
}

class MessageFull extends WireError {
  constructor() {
    super('the message is full');
  }
}
