/** How requests fail at their connections. */

/** No connection came about, or the server did not take the request on it, so that nothing was asked. */
export class NotConnectedError extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'NotConnectedError';
  }
}

/** The server closed a kept connection before it read our request. */
export class StaleConnectionError extends Error {
  constructor(options: { cause: unknown }) {
    super('the server closed the connection', options);
    this.name = 'StaleConnectionError';
  }
}

/** The server, or what stands before it, does not speak HTTP/2. */
export class NoHTTP2Error extends Error {
  constructor(options?: { cause?: unknown }) {
    super('the server does not speak HTTP/2', options);
    this.name = 'NoHTTP2Error';
  }
}
