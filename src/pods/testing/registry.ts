/** A registry of images to read from, without TLS: github.com/opencontainers/distribution-spec, as far as pulls need it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Blob, buildParts, type ImageSpec } from '../images/build.ts';

export interface TestRegistry {
  /** `127.0.0.1:PORT`: how names of its images begin. */
  readonly host: string;
  /** Requests so far, as `GET /v2/web/manifests/1`. */
  readonly requests: readonly string[];
  /** Makes an image known; `credentials` (`NAME:PASSWORD`): only to who has them. */
  add(repository: string, tag: string, spec: ImageSpec, credentials?: string): void;
  close(): void;
}

interface Repository {
  readonly blobs: Map<string, Blob>;
  readonly manifests: Map<string, Blob>;
  credentials: string | undefined;
}

export async function startRegistry(): Promise<TestRegistry> {
  const repositories = new Map<string, Repository>();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    answer(repositories, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    add: (name, tag, spec, credentials) => {
      const { manifest, config, layer } = buildParts(spec);
      const repository = repositories.get(name) ?? { blobs: new Map(), manifests: new Map(), credentials };
      for (const blob of [config, layer]) repository.blobs.set(blob.digest, blob);
      repository.manifests.set(tag, manifest).set(manifest.digest, manifest);
      repositories.set(name, repository);
    },
    close: () => server.close(),
  };
}

function answer(
  repositories: ReadonlyMap<string, Repository>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const [, name = '', kind, reference = ''] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/?]+)/.exec(request.url ?? '') ?? [];
  const repository = repositories.get(name);
  if (repository?.credentials !== undefined && !isAllowed(request, repository.credentials)) {
    response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="test"' }).end();
    return;
  }
  const blob = (kind === 'manifests' ? repository?.manifests : repository?.blobs)?.get(reference);
  if (blob === undefined) {
    response.writeHead(404, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ errors: [{ code: 'MANIFEST_UNKNOWN', message: 'unknown' }] }));
    return;
  }
  response.writeHead(200, {
    'Content-Type': blob.mediaType,
    'Content-Length': blob.data.length,
    'Docker-Content-Digest': blob.digest,
  });
  response.end(request.method === 'HEAD' ? undefined : blob.data);
}

function isAllowed({ headers }: IncomingMessage, credentials: string): boolean {
  return headers.authorization === `Basic ${Buffer.from(credentials).toString('base64')}`;
}
