/** What can be wrong with an image. */
export class ImageError extends Error {
  readonly reason: 'NotFound' | 'Corrupt' | 'Unsupported' | 'CannotBuild';

  /** The message says what was looked for, and what to do where that is known. */
  constructor(reason: ImageError['reason'], message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ImageError';
    this.reason = reason;
  }
}
