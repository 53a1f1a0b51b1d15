/** Giving up what a process does not need. */
import { readFileSync } from 'node:fs';
import type { Logger } from '../../host/log.ts';

/**
 * Identities without an account, from the range that systemd keeps for dynamic users
 * (https://systemd.io/UIDS-GIDS/), so that they belong to nobody else.
 */
export const SERVER_ID = 61_580;
export const GUEST_ID = 61_581;

/** What the agent needs as root: the network, its guests' identities, and files of the server's in the data directory. */
const AGENT_CAPABILITIES = [
  'chown',
  'dac_override',
  'fowner',
  'kill',
  'net_admin',
  'net_bind_service',
  'net_raw',
  'setgid',
  'setuid',
] as const;

/** Whether this process is root and may become another user: not so in a user namespace that maps only root. */
export function canChangeUser(): boolean {
  if (process.getuid?.() !== 0) return false;
  const maps = readFileSync('/proc/self/uid_map', 'utf8').trim().split('\n');
  return maps.some((line) => {
    const [inside = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
    return inside <= SERVER_ID && GUEST_ID < inside + count;
  });
}

/** Becomes the server's own unprivileged user, for good. Does nothing for an ordinary user. */
export function dropPrivileges(log: Logger): void {
  if (!canChangeUser()) return;
  process.setgroups?.([]);
  process.setgid?.(SERVER_ID);
  process.setuid?.(SERVER_ID);
  log.debug({ uid: SERVER_ID }, 'gave up root');
}

/** `argv`, run with only the capabilities that an agent needs, and ended when its parent dies. */
export function asAgent(argv: readonly string[]): readonly string[] {
  const bounds = ['-all', ...AGENT_CAPABILITIES.map((name) => `+${name}`)].join(',');
  return ['setpriv', '--bounding-set', bounds, '--pdeathsig', 'SIGKILL', ...argv];
}

/** `argv`, ended when its parent dies, however that happens. */
export function diesWithParent(argv: readonly string[]): readonly string[] {
  return ['setpriv', '--pdeathsig', 'SIGKILL', ...argv];
}
