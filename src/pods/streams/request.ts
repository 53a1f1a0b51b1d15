/** From a request of the API server to what is asked. Pure. The paths and their parameters are those of a kubelet. */

export interface PodPath {
  readonly namespace: string;
  readonly name: string;
  /** Only this very pod; undefined for logs, which outlive a run. */
  readonly uid: string | undefined;
}

/** What the API server asks an agent for. */
export type StreamRequest =
  | { readonly kind: 'logs'; readonly pod: PodPath; readonly container: string; readonly query: URLSearchParams }
  | ({ readonly kind: 'exec'; readonly command: readonly string[] } & CommandStreams)
  | ({ readonly kind: 'attach' } & CommandStreams)
  /** `ports` are named in advance by some clients; others name them later. */
  | { readonly kind: 'portForward'; readonly pod: PodPath; readonly ports: readonly number[] };

/** Which streams of a command are wanted. */
export interface CommandStreams {
  readonly pod: PodPath;
  readonly container: string;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** Undefined for a path at which nothing is. */
export function readRequest(url: string): StreamRequest | undefined {
  const { pathname, searchParams: query } = new URL(url, 'http://node');
  const [kind = '', namespace = '', name = '', ...rest] = pathname.slice(1).split('/').map(decodeURIComponent);
  const pod = { namespace, name, uid: undefined };
  switch (kind) {
    case 'containerLogs':
      return rest.length === 1 ? { kind: 'logs', pod, container: rest[0] ?? '', query } : undefined;
    case 'portForward':
      if (rest.length !== 1) return undefined;
      return { kind: 'portForward', pod: { ...pod, uid: rest[0] }, ports: query.getAll('ports').map(Number) };
    case 'exec':
    case 'attach': {
      if (rest.length !== 2) return undefined;
      const streams = streamsOf({ ...pod, uid: rest[0] }, rest[1] ?? '', query);
      return kind === 'exec' ? { kind, command: query.getAll('command'), ...streams } : { kind, ...streams };
    }
    default:
      return undefined;
  }
}

function streamsOf(pod: PodPath, container: string, query: URLSearchParams): CommandStreams {
  const has = (name: string) => query.get(name) === '1';
  const tty = has('tty');
  // A terminal has one output: what is written to either comes on it.
  return { pod, container, tty, stdin: has('input'), stdout: has('output'), stderr: has('error') && !tty };
}
