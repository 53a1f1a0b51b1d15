/** The proxies that are asked for traffic: where they are, and what they answer. */
import { existsSync, readdirSync } from 'node:fs';
import { request } from 'node:http';
import { isAbsolute, join, resolve } from 'node:path';
import { seconds } from '../../lib/duration.ts';
import type { TrafficReport } from '../../proxy/traffic/report.ts';
import { UserError } from '../errors.ts';
import { PROXY_METRICS_PORT, PROXY_SOCKET } from '../wiring/defaults.ts';

/** Where a proxy answers: a URL, or the path of a unix socket. */
export type ProxyPlace = string;

/** How long a proxy may take. */
const PATIENCE = seconds(10);
/** More than the largest report there can be; whoever sends more is no proxy. */
const MAX_BYTES = 256 << 20;

/** The proxies that are named; else those of a data directory; else the one of this machine. Throws {@link UserError}. */
export function findProxies(named: readonly string[], dataDir: string | undefined): readonly ProxyPlace[] {
  if (named.length > 0) return named;
  if (dataDir === undefined) return [`http://127.0.0.1:${PROXY_METRICS_PORT}`];
  const dir = resolve(dataDir);
  const nodes = join(dir, 'nodes');
  const places = existsSync(nodes)
    ? readdirSync(nodes)
        .sort()
        .map((node) => join(nodes, node))
    : [join(dir, 'agent')];
  const sockets = places.map((place) => join(place, PROXY_SOCKET)).filter((path) => existsSync(path));
  if (sockets.length > 0) return sockets;
  throw new UserError(`no node runs in ${dir}`, 'Name the data directory of `postern up`, or DIR of `postern lab`.');
}

/** What passed until now. Throws {@link UserError}, which says what to do. */
export async function askProxy(place: ProxyPlace): Promise<TrafficReport> {
  const { status, body } = await get(place, '/traffic').catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(`no proxy answers at ${place}: ${why}`, ANOTHER, { cause });
  });
  if (status === 404) {
    throw new UserError(`the proxy at ${place} does not count traffic`, 'The mode nftables does: --mode nftables.');
  }
  const report = status === 200 ? parsed(body) : undefined;
  if (report === undefined) throw new UserError(`what answers at ${place} is no proxy (status ${status})`, ANOTHER);
  return report;
}

const ANOTHER = 'Name another with --proxy, or the directory of a cluster on this machine with --data-dir.';

interface Answer {
  readonly status: number;
  readonly body: string;
}

function get(place: ProxyPlace, path: string): Promise<Answer> {
  const options = isAbsolute(place) ? { socketPath: place, path } : urlOptions(place, path);
  return new Promise((resolve, reject) => {
    const asked = request({ ...options, agent: false, timeout: PATIENCE }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > MAX_BYTES) asked.destroy(new Error('its answer has no end'));
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
      );
      response.on('error', reject);
    });
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${PATIENCE / 1000} s`)));
    asked.on('error', reject);
    asked.end();
  });
}

function urlOptions(place: ProxyPlace, path: string) {
  const url = new URL(path, place);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port || 80, path: url.pathname };
}

/** Undefined for what is no report. Our own proxies are trusted to write what they say they do. */
function parsed(body: string): TrafficReport | undefined {
  try {
    const value: unknown = JSON.parse(body);
    const isReport = typeof value === 'object' && value !== null && 'ports' in value && Array.isArray(value.ports);
    return isReport ? (value as TrafficReport) : undefined;
  } catch {
    return undefined;
  }
}
