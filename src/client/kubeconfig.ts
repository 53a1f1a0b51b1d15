/** Kubeconfig files. https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/ */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Endpoint } from './client.ts';

/** A kubeconfig that cannot be used. The message says which file and entry, and what to do. */
export class KubeconfigError extends Error {
  constructor(path: string, what: string, options?: { cause?: unknown }) {
    super(`kubeconfig ${path}: ${what}`, options);
    this.name = 'KubeconfigError';
  }
}

type Entry = Readonly<Record<string, unknown>>;

/**
 * Reads what a kubeconfig says of one context; default: its current one. Certificates may be given inside the file or as
 * paths relative to it. Throws {@link KubeconfigError}.
 */
export async function loadKubeconfig(path: string, context?: string): Promise<Endpoint> {
  const config = await readConfig(path);
  const name = context ?? text(config['current-context']);
  if (name === undefined) throw new KubeconfigError(path, 'it has no current-context; name a context');
  const chosen = find(path, config, 'contexts', 'context', name);
  const cluster = find(path, config, 'clusters', 'cluster', text(chosen['cluster']));
  const user = find(path, config, 'users', 'user', text(chosen['user']));
  refuseUnsupported(path, cluster, user);
  const server = text(cluster['server']);
  if (server === undefined || !URL.canParse(server)) {
    throw new KubeconfigError(path, `the server of context "${name}" must be a URL such as https://HOST:PORT`);
  }
  const read = (entry: Entry, field: string) => material(path, entry, field);
  // Read once, so that a wrong path is told now.
  const inFile = await fileOf(path, user, 'tokenFile');
  const others = otherServers(path, cluster).filter((other) => other !== server);
  return defined({
    server,
    otherServers: others.length === 0 ? undefined : others,
    caData: await read(cluster, 'certificate-authority'),
    clientCertificate: await read(user, 'client-certificate'),
    clientKey: await read(user, 'client-key'),
    token: text(user['token']),
    tokenFile: inFile === undefined ? undefined : resolve(dirname(path), text(user['tokenFile']) ?? ''),
  });
}

/** What a kubeconfig with one context is made from. */
export interface PrintedKubeconfig {
  readonly endpoint: Endpoint;
  /** Of the context. */
  readonly name: string;
  /** JSON is read without loading a parser of YAML, and kubectl takes it too. Default: `yaml`, for people. */
  readonly format?: 'yaml' | 'json';
}

/** Its text. It holds the key: write it with mode 0600. */
export function printKubeconfig({ endpoint, name, format = 'yaml' }: PrintedKubeconfig): string {
  const base64 = (pem: string | undefined) => pem && Buffer.from(pem).toString('base64');
  const user = {
    'client-certificate-data': base64(endpoint.clientCertificate),
    'client-key-data': base64(endpoint.clientKey),
    token: endpoint.token,
  };
  const cluster = {
    server: endpoint.server,
    'certificate-authority-data': base64(endpoint.caData),
    extensions: serversExtension(endpoint),
  };
  const config = {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': name },
    clusters: [{ name, cluster }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name } }],
  };
  const text = JSON.stringify(config, null, 2);
  return format === 'json' ? `${text}\n` : `${blockYAML(JSON.parse(text)).join('\n')}\n`;
}

/** The lines of what JSON can say as YAML in block style. A JSON string is a YAML scalar. */
function blockYAML(value: unknown): readonly string[] {
  if (Array.isArray(value)) {
    return value.flatMap((item) => blockYAML(item).map((line, i) => (i === 0 ? `- ${line}` : `  ${line}`)));
  }
  if (!isEntry(value) || Object.keys(value).length === 0) return [JSON.stringify(value)];
  return Object.entries(value).flatMap(([key, inner]) => {
    const [first = '', ...rest] = blockYAML(inner);
    if (Array.isArray(inner)) return [`${key}:`, first, ...rest];
    const isNested = isEntry(inner) && Object.keys(inner).length > 0;
    return isNested ? [`${key}:`, ...[first, ...rest].map((line) => `  ${line}`)] : [`${key}: ${first}`];
  });
}

/** Other servers of the cluster, where other programs than ours do not look. */
const SERVERS_EXTENSION = 'postern.dev/servers';

/** https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/#NamedExtension */
function serversExtension({ server, otherServers = [] }: Endpoint): readonly Entry[] | undefined {
  if (otherServers.length === 0) return undefined;
  return [{ name: SERVERS_EXTENSION, extension: { servers: [server, ...otherServers] } }];
}

function otherServers(path: string, cluster: Entry): readonly string[] {
  const list = cluster['extensions'];
  const extensions = Array.isArray(list) ? list.filter(isEntry) : [];
  const extension = extensions.find(({ name }) => name === SERVERS_EXTENSION)?.['extension'];
  if (extension === undefined) return [];
  const servers = isEntry(extension) ? extension['servers'] : undefined;
  const isURL = (server: unknown): server is string => typeof server === 'string' && URL.canParse(server);
  if (!Array.isArray(servers) || !servers.every(isURL)) {
    throw new KubeconfigError(
      path,
      `the extension ${SERVERS_EXTENSION} of the cluster must hold a list "servers" of URLs such as https://HOST:PORT; put it right, or remove it`,
    );
  }
  return servers;
}

async function readConfig(path: string): Promise<Entry> {
  let source: string;
  try {
    source = await readFile(path, 'utf8');
  } catch (cause) {
    throw new KubeconfigError(path, `cannot be read: ${(cause as Error).message}`, { cause });
  }
  try {
    const config = await parseYAML(source);
    if (isEntry(config)) return config;
  } catch (cause) {
    throw new KubeconfigError(path, `is not YAML: ${(cause as Error).message}`, { cause });
  }
  throw new KubeconfigError(path, 'must be a mapping with clusters, users and contexts');
}

/** JSON is YAML as well. */
async function parseYAML(source: string): Promise<unknown> {
  try {
    return JSON.parse(source);
  } catch {
    // It is none. The parser is loaded on use: servers never need it, nor agents whose kubeconfig a server wrote.
    const { parse } = await import('yaml');
    return parse(source, { maxAliasCount: 0 });
  }
}

function find(path: string, config: Entry, list: string, field: string, name: string | undefined): Entry {
  const entries = Array.isArray(config[list]) ? config[list].filter(isEntry) : [];
  const found = entries.find((entry) => entry['name'] === name)?.[field];
  if (isEntry(found)) return found;
  const names = entries.map((entry) => String(entry['name'])).join(', ') || 'none';
  throw new KubeconfigError(path, `${list} has no entry "${name ?? ''}"; it has: ${names}`);
}

/** What we would have to ignore, and so would do something else than the user asked. */
function refuseUnsupported(path: string, cluster: Entry, user: Entry): void {
  if (cluster['insecure-skip-tls-verify'] === true) {
    throw new KubeconfigError(path, 'insecure-skip-tls-verify is not supported; give certificate-authority-data');
  }
  for (const field of ['proxy-url', 'tls-server-name']) {
    if (cluster[field] !== undefined) throw new KubeconfigError(path, `the cluster's ${field} is not supported`);
  }
  for (const field of ['exec', 'auth-provider', 'username', 'as']) {
    if (user[field] !== undefined) {
      throw new KubeconfigError(path, `the user's ${field} is not supported; use a client certificate or a token`);
    }
  }
}

/** `FIELD-data` in base64, or the content of the file named by `FIELD`. */
async function material(path: string, entry: Entry, field: string): Promise<string | undefined> {
  const data = text(entry[`${field}-data`]);
  return data === undefined ? fileOf(path, entry, field) : Buffer.from(data, 'base64').toString('utf8');
}

async function fileOf(path: string, entry: Entry, field: string): Promise<string | undefined> {
  const name = text(entry[field]);
  if (name === undefined) return undefined;
  try {
    return await readFile(resolve(dirname(path), name), 'utf8');
  } catch (cause) {
    throw new KubeconfigError(path, `${field}: cannot read ${name}: ${(cause as Error).message}`, { cause });
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The same object without the fields that are undefined. */
function defined(endpoint: { readonly [K in keyof Endpoint]: Endpoint[K] | undefined }): Endpoint {
  return Object.fromEntries(Object.entries(endpoint).filter(([, value]) => value !== undefined)) as unknown as Endpoint;
}
