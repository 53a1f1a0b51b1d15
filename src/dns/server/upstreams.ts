/** The servers that other names are forwarded to. */
import { readFile } from 'node:fs/promises';
import { codeOf } from '../../lib/errors.ts';
import { parseIP, printIP } from '../../lib/ip.ts';

/** A DNS server. The address is in canonical text. */
export interface Upstream {
  readonly address: string;
  readonly port: number;
}

/** As resolv.conf(5) has it: more are ignored. */
const RESOLV_CONF_LIMIT = 3;

/** Reads `192.0.2.1`, `192.0.2.1:53`, `2001:db8::1` or `[2001:db8::1]:53`. Throws on anything else. */
export function parseUpstream(text: string): Upstream {
  const whole = parseIP(text);
  if (whole !== undefined) return { address: printIP(whole), port: 53 };
  const [, v6, v4, portText] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const ip = parseIP(v6 ?? v4 ?? '');
  const port = Number(portText);
  const ok = ip !== undefined && (ip.family === 'IPv6') === (v6 !== undefined) && port >= 1 && port <= 65_535;
  if (!ok) {
    throw new Error(`not an upstream DNS server: ${JSON.stringify(text)}; write ADDRESS, ADDRESS:PORT or [IPV6]:PORT`);
  }
  return { address: printIP(ip), port };
}

/** The `nameserver` lines of a resolv.conf; link-local addresses are left out, as they need their interface. */
export function parseResolvConf(text: string): readonly Upstream[] {
  const found: Upstream[] = [];
  for (const line of text.split('\n')) {
    const [keyword, value = ''] = line.trim().split(/\s+/);
    const ip = keyword === 'nameserver' ? parseIP(value) : undefined;
    if (ip !== undefined) found.push({ address: printIP(ip), port: 53 });
  }
  return found.slice(0, RESOLV_CONF_LIMIT);
}

/** This machine's own servers; none when it has no resolv.conf. */
export async function systemUpstreams(path = '/etc/resolv.conf'): Promise<readonly Upstream[]> {
  try {
    return parseResolvConf(await readFile(path, 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw new Error(`cannot read the upstream DNS servers from ${path}`, { cause: error });
  }
}

/** Leaves out our own listeners: a query forwarded to ourselves would come back for ever. */
export function withoutOwn(upstreams: readonly Upstream[], own: readonly Upstream[]): readonly Upstream[] {
  const key = ({ address, port }: Upstream): string => `${address} ${port}`;
  const ours = new Set(own.map(key));
  return upstreams.filter((upstream) => !ours.has(key(upstream)));
}
