/** The other side does not keep to the protocol, or the session is over. */
export class SpdyError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SpdyError';
  }
}
