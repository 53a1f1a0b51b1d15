/** Bytes that are not a DNS message we can use, or a value that has no place in one. The only error of this folder. */
export class WireError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'WireError';
  }
}
