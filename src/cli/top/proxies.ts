/** The proxies that are asked for traffic: where they are, and what they answer. */
import { messageOf } from '../../lib/errors.ts';
import type { TrafficReport } from '../../proxy/traffic/report.ts';
import { UserError } from '../errors.ts';
import { agentSockets, ask, type Place } from '../local-answers.ts';
import { PROXY_METRICS_PORT, PROXY_SOCKET } from '../wiring/defaults.ts';

/** The proxies that are named; else those of a data directory; else the one of this machine. Throws {@link UserError}. */
export function findProxies(named: readonly string[], dataDir: string | undefined): readonly Place[] {
  if (named.length > 0) return named;
  if (dataDir === undefined) return [`http://127.0.0.1:${PROXY_METRICS_PORT}`];
  return agentSockets(dataDir, PROXY_SOCKET);
}

/** What passed until now. Throws {@link UserError}, which says what to do. */
export async function askProxy(place: Place): Promise<TrafficReport> {
  const { status, body } = await ask(place, '/traffic').catch((cause: unknown) => {
    const why = messageOf(cause);
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
