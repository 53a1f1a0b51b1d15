/** What a node reaches without a router, as its own routes say. */
import type { RunCommand } from '../../host/process.ts';
import { type CIDR, IP_FAMILIES, type IPFamily, parseCIDR, parseIP } from '../../lib/ip.ts';
import { hostPrefix } from './desired.ts';

interface ListedRoute {
  readonly dst: string;
  readonly gateway?: string;
  readonly via?: unknown;
  readonly nexthops?: unknown;
}

/** Only routes that lead to a link, among which IPv6 has no such selector. */
const SELECTION: Readonly<Record<IPFamily, readonly string[]>> = { IPv4: ['-4', 'link'], IPv6: ['-6', 'all'] };

/**
 * Prefixes on the link of an interface; undefined: of any. What addresses say is no promise of it: some hosts have a link each.
 */
export async function readOnLink(lanInterface: string | undefined, run: RunCommand): Promise<readonly CIDR[]> {
  const dev = lanInterface === undefined ? [] : ['dev', lanInterface];
  const listed = await Promise.all(
    IP_FAMILIES.map(async (family) => {
      const [option = '', scope] = SELECTION[family];
      const only = scope === 'link' ? ['scope', 'link'] : [];
      const { stdout } = await run(['ip', '-j', option, 'route', 'show', ...dev, ...only]);
      return onLinkOf(JSON.parse(stdout.trim() === '' ? '[]' : stdout) as readonly ListedRoute[], family);
    }),
  );
  return listed.flat();
}

/** Bytes that a packet through an interface may have. */
export async function readMTU(device: string, run: RunCommand): Promise<number | undefined> {
  const { stdout } = await run(['ip', '-j', 'link', 'show', 'dev', device]);
  return (JSON.parse(stdout) as readonly { readonly mtu?: number }[])[0]?.mtu;
}

/** Of a listing of routes: those without a router. Link-local prefixes are no way to nodes. */
export function onLinkOf(routes: readonly ListedRoute[], family: IPFamily): readonly CIDR[] {
  return routes.flatMap(({ dst, gateway, via, nexthops }) => {
    if (gateway !== undefined || via !== undefined || nexthops !== undefined) return [];
    const ip = parseIP(dst);
    const cidr = parseCIDR(dst === 'default' ? '' : ip === undefined ? dst : hostPrefix(ip));
    return cidr === undefined || cidr.base.family !== family || dst.startsWith('fe80:') ? [] : [cidr];
  });
}
