/** A request, whichever connection it goes on. */
export interface RequestParts {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly payload?: Buffer | undefined;
  /** Whether its answer goes on until somebody ends it. */
  readonly watch: boolean;
  readonly signal?: AbortSignal | undefined;
}
