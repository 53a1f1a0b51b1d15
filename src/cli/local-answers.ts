/** Asking parts of ours that run on this machine: where they answer, and what. */
import { existsSync, readdirSync } from 'node:fs';
import { request } from 'node:http';
import { isAbsolute, join, resolve } from 'node:path';
import { seconds } from '../lib/duration.ts';
import { UserError } from './errors.ts';

/** Where a part answers: a URL, or the path of a unix socket. */
export type Place = string;

export interface LocalAnswer {
  readonly status: number;
  readonly body: string;
}

/** How long an answer may take. */
const PATIENCE = seconds(10);
/** More than the largest answer there can be; whoever sends more is no part of ours. */
const MAX_BYTES = 256 << 20;

/** The sockets of this name of all agents that are kept in a data directory, `postern up`'s or a lab's. Throws {@link UserError}. */
export function agentSockets(dataDir: string, name: string): readonly Place[] {
  const dir = resolve(dataDir);
  const nodes = join(dir, 'nodes');
  const places = existsSync(nodes)
    ? readdirSync(nodes)
        .sort()
        .map((node) => join(nodes, node))
    : [join(dir, 'agent')];
  const sockets = places.map((place) => join(place, name)).filter((path) => existsSync(path));
  if (sockets.length > 0) return sockets;
  throw new UserError(`no node runs in ${dir}`, 'Name the data directory of `postern up`, or DIR of `postern lab`.');
}

/** The answer to GET of a path. Rejects with the system's error when nothing answers. */
export function ask(place: Place, path: string): Promise<LocalAnswer> {
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

function urlOptions(place: Place, path: string) {
  const url = new URL(path, place);
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port || 80, path: url.pathname };
}
