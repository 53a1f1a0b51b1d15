/** A request, before it is known on which connection it goes. */
export interface RequestParts {
  readonly method: string;
  /** Below the server's own path. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly payload?: Buffer | undefined;
  /** Whether its answer goes on until somebody ends it. */
  readonly watch: boolean;
  readonly signal?: AbortSignal | undefined;
}
