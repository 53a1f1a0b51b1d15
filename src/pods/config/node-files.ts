/** The node's own resolv.conf and hosts file, which pods may share. */
import { readFile } from 'node:fs/promises';
import { codeOf } from '../../lib/errors.ts';
import { parseIP } from '../../lib/ip.ts';
import type { ResolvConf } from './dns.ts';

const RESOLV_CONF = '/etc/resolv.conf';
/** Where systemd-resolved says which servers it asks, when /etc/resolv.conf names only itself. */
const RESOLVED = '/run/systemd/resolve/resolv.conf';

/** resolv.conf(5). */
export function parseResolvConf(text: string): ResolvConf {
  const servers: string[] = [];
  let searches: readonly string[] = [];
  let options: readonly string[] = [];
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/^\s*[#;].*/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver' && values[0] !== undefined) servers.push(values[0]);
    if (keyword === 'search' || keyword === 'domain') searches = values;
    if (keyword === 'options') options = values;
  }
  return { servers, searches, options };
}

/** What the node's pods get by dnsPolicy Default. */
export async function readNodeDNS(fallback: readonly string[]): Promise<ResolvConf> {
  const [own, resolved] = await Promise.all([readOptional(RESOLV_CONF), readOptional(RESOLVED)]);
  return nodeDNS(parseResolvConf(own), parseResolvConf(resolved), fallback);
}

/**
 * A server on the loopback is the node's, not a pod's: instead of it there are those that it asks, if systemd-resolved says so, or
 * `fallback`.
 */
export function nodeDNS(own: ResolvConf, resolved: ResolvConf, fallback: readonly string[]): ResolvConf {
  const conf = own.servers.every(isLoopback) && resolved.servers.length > 0 ? resolved : own;
  const servers = conf.servers.filter((server) => !isLoopback(server));
  return { ...conf, servers: servers.length === 0 ? fallback : servers };
}

/** Text of the node's /etc/hosts. */
export function readNodeHosts(): Promise<string> {
  return readOptional('/etc/hosts');
}

function isLoopback(server: string): boolean {
  const ip = parseIP(server);
  return ip !== undefined && (ip.family === 'IPv4' ? server.startsWith('127.') : server === '::1');
}

async function readOptional(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return '';
    throw error;
  }
}
