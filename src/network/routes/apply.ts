/** Routes in the kernel, through iproute2. */
import type { RunCommand } from '../../host/process.ts';
import { parseCIDR, parseIP, printCIDR } from '../../lib/ip.ts';
import { runBatch } from '../bridge.ts';
import type { Route } from './desired.ts';
import type { RouteChange } from './diff.ts';

/** Marks our routes (rtnetlink(7), rtm_protocol), so that they are found again. No routing daemon has this number. */
const ROUTE_PROTOCOL = 112;

/** Our routes as the kernel has them. */
export async function listRoutes(run: RunCommand): Promise<readonly Route[]> {
  const routes: Route[] = [];
  for (const family of ['-4', '-6']) {
    const { stdout } = await run(['ip', '-j', family, 'route', 'show', 'proto', String(ROUTE_PROTOCOL)]);
    const listed = JSON.parse(stdout.trim() === '' ? '[]' : stdout) as readonly { dst: string; gateway?: string }[];
    for (const { dst, gateway } of listed) {
      const cidr = parseCIDR(dst) ?? parseCIDR(`${dst}/${parseIP(dst)?.family === 'IPv6' ? 128 : 32}`);
      if (cidr !== undefined) routes.push({ destination: printCIDR(cidr), via: gateway ?? '' });
    }
  }
  return routes;
}

/** `device` is the LAN interface; without it the kernel finds the way to the other node itself. */
export async function applyRoutes(
  changes: readonly RouteChange[],
  device: string | undefined,
  run: RunCommand,
): Promise<void> {
  const lines = changes.map(({ kind, route }) =>
    kind === 'delete'
      ? `route del ${route.destination} proto ${ROUTE_PROTOCOL}`
      : `route replace ${route.destination} via ${route.via}${device === undefined ? '' : ` dev ${device}`} proto ${ROUTE_PROTOCOL}`,
  );
  await runBatch(lines, run);
}
