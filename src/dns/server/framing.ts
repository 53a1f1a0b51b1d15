/** DNS messages in a byte stream: each behind its length in two octets. RFC 1035 section 4.2.2. */

/** A message with its length in front. */
export function frameMessage(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(2 + message.length);
  new DataView(framed.buffer).setUint16(0, message.length);
  framed.set(message, 2);
  return framed;
}

/** Cuts a stream into messages. Holds at most one incomplete message, so at most 64 KiB beyond the last chunk. */
export class MessageReader {
  #pending: Buffer = Buffer.alloc(0);

  /** Adds bytes and returns the messages that they complete. */
  push(chunk: Buffer): readonly Uint8Array[] {
    let rest = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const messages: Uint8Array[] = [];
    while (rest.length >= 2) {
      const end = 2 + rest.readUInt16BE(0);
      if (rest.length < end) break;
      messages.push(rest.subarray(2, end));
      rest = rest.subarray(end);
    }
    this.#pending = rest;
    return messages;
  }
}
