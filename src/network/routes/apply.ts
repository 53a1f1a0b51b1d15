/** Ways to other nodes in the kernel, through iproute2. */
import { paced } from '../../host/paced.ts';
import type { RunCommand } from '../../host/process.ts';
import { IP_FAMILIES, type IPFamily, parseCIDR, parseIP, printCIDR } from '../../lib/ip.ts';
import { deviceExists, runBatch } from '../bridge.ts';
import { VXLAN_DEVICES } from '../vxlan/vtep.ts';
import { hostPrefix, type Route } from './desired.ts';
import type { Forwarding, Neighbour, WayChanges, Ways } from './diff.ts';

/** Marks our routes (rtnetlink(7), rtm_protocol), so that they are found again. No routing daemon has this number. */
const ROUTE_PROTOCOL = 112;

const OPTION: Readonly<Record<IPFamily, string>> = { IPv4: '-4', IPv6: '-6' };
const DEVICES: ReadonlySet<string> = new Set(Object.values(VXLAN_DEVICES));

/** What there is of ours. A route through another interface than `lanInterface` or a VXLAN device counts as another route. */
export async function readWays(lanInterface: string | undefined, run: RunCommand): Promise<Ways> {
  const devices: string[] = [];
  for (const device of DEVICES) if (await deviceExists(device)) devices.push(device);
  const [routes, forwarding, neighbours] = await Promise.all([
    Promise.all(IP_FAMILIES.map((family) => listRoutes(family, lanInterface, run))),
    Promise.all(devices.map((device) => listForwarding(device, run))),
    Promise.all(devices.map((device) => listNeighbours(device, run))),
  ]);
  return { routes: routes.flat(), forwarding: forwarding.flat(), neighbours: neighbours.flat() };
}

/**
 * What a way needs first, so that no packet meets half of one. `force`: goes on after what fails, for many at once; otherwise
 * throws when something cannot be put in place. What is to go and is gone already is no failure.
 */
export async function applyWays(
  { routes, forwarding, neighbours }: WayChanges,
  lanInterface: string | undefined,
  run: RunCommand,
  options: { readonly force?: boolean } = {},
): Promise<void> {
  const lan = lanInterface === undefined ? '' : ` dev ${lanInterface}`;
  const way = ({ destination, via, device }: Route) =>
    `${destination} via ${via}${device === undefined ? lan : ` dev ${device}`}`;
  await runBridge(
    forwarding.replace.map((entry) => `fdb replace ${forwardingText(entry)}`),
    run,
    options,
  );
  await runBatch(
    [
      ...neighbours.replace.map(
        ({ device, address, mac }) => `neigh replace ${address} lladdr ${mac} dev ${device} nud permanent`,
      ),
      ...routes.replace.map(
        (route) => `route replace ${way(route)}${route.device === undefined ? '' : ' onlink'} proto ${ROUTE_PROTOCOL}`,
      ),
    ],
    run,
    options,
  );
  const gone = { force: true };
  await runBatch(
    [
      ...routes.remove.map((route) =>
        route.via === ''
          ? `route del ${route.destination} proto ${ROUTE_PROTOCOL}`
          : `route del ${way(route)} proto ${ROUTE_PROTOCOL}`,
      ),
      ...neighbours.remove.map(({ device, address }) => `neigh del ${address} dev ${device}`),
    ],
    run,
    gone,
  );
  await runBridge(
    forwarding.remove.map((entry) => `fdb del ${forwardingText(entry)}`),
    run,
    gone,
  );
}

/** Removes our routes, wherever they lead. */
export async function removeRoutes(run: RunCommand): Promise<void> {
  for (const family of IP_FAMILIES) {
    const routes = await listRoutes(family, undefined, run);
    const lines = routes.map(({ destination }) => `route del ${destination} proto ${ROUTE_PROTOCOL}`);
    await runBatch(lines, run);
  }
}

async function listRoutes(family: IPFamily, lan: string | undefined, run: RunCommand): Promise<readonly Route[]> {
  const { stdout } = await run(['ip', '-j', OPTION[family], 'route', 'show', 'proto', String(ROUTE_PROTOCOL)]);
  const listed = parse<{ dst: string; gateway?: string; dev?: string }>(stdout);
  const routes: Route[] = [];
  const pace = paced();
  for (const { dst, gateway = '', dev } of listed) {
    await pace();
    const ip = parseIP(dst);
    const cidr = parseCIDR(ip === undefined ? dst : hostPrefix(ip));
    if (cidr === undefined) continue;
    const isThrough = dev !== undefined && DEVICES.has(dev);
    // One through an interface that is the LAN's no more is none that is wanted.
    const via = isThrough || lan === undefined || dev === lan ? gateway : '';
    routes.push({ destination: printCIDR(cidr), via, ...(isThrough ? { device: dev } : {}) });
  }
  return routes;
}

async function listForwarding(device: string, run: RunCommand): Promise<readonly Forwarding[]> {
  const { stdout } = await run(['bridge', '-j', 'fdb', 'show', 'dev', device]);
  const listed = parse<{ mac: string; dst?: string }>(stdout);
  return listed.flatMap(({ mac, dst }) => (dst === undefined ? [] : [{ device, mac, address: dst }]));
}

async function listNeighbours(device: string, run: RunCommand): Promise<readonly Neighbour[]> {
  const { stdout } = await run(['ip', '-j', 'neigh', 'show', 'dev', device, 'nud', 'permanent']);
  const listed = parse<{ dst: string; lladdr?: string }>(stdout);
  return listed.flatMap(({ dst, lladdr }) => (lladdr === undefined ? [] : [{ device, address: dst, mac: lladdr }]));
}

/** `ip` prints nothing at all where it has nothing to say. */
const parse = <T>(text: string): readonly T[] => JSON.parse(text.trim() === '' ? '[]' : text) as readonly T[];

const forwardingText = ({ mac, device, address }: Forwarding): string =>
  `${mac} dev ${device} dst ${address} self permanent`;

/** As {@link runBatch}, of bridge(8). */
async function runBridge(
  lines: readonly string[],
  run: RunCommand,
  { force = false }: { readonly force?: boolean },
): Promise<void> {
  if (lines.length === 0) return;
  const running = run(['bridge', ...(force ? ['-force'] : []), '-batch', '-'], { input: `${lines.join('\n')}\n` });
  await (force ? running.catch(() => undefined) : running);
}
