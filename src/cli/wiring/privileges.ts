/** Giving up what a process does not need. */
import { readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import type { Logger } from '../../host/log.ts';
import { keepParentDeathSignal } from '../../host/parent-death.ts';

/**
 * Identities without an account, from the range that systemd keeps for dynamic users
 * (https://systemd.io/UIDS-GIDS/), so that they belong to nobody else.
 */
const SERVER_ID = 61_580;
export const GUEST_ID = 61_581;
export const DHCP_ID = 61_582;

/**
 * What the agent needs as root: the network, its guests' identities, files of the server's in the data directory, and the
 * preference of the thread that others take for this node's life; for pods of containers besides to mount volumes, to enter
 * network namespaces, and to give files to whom they are for.
 * The numbers are those of capabilities(7).
 */
const AGENT_CAPABILITIES = {
  chown: 0,
  dac_override: 1,
  fowner: 3,
  kill: 5,
  setgid: 6,
  setuid: 7,
  net_bind_service: 10,
  net_admin: 12,
  net_raw: 13,
  sys_nice: 23,
} as const;
const CONTAINER_CAPABILITIES = { fsetid: 4, sys_admin: 21 } as const;

/** Whether this process is root and may become another user: not so in a user namespace that maps only root. */
export function canChangeUser(): boolean {
  if (process.getuid?.() !== 0) return false;
  const maps = readFileSync('/proc/self/uid_map', 'utf8').trim().split('\n');
  return maps.some((line) => {
    const [inside = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
    return inside <= SERVER_ID && DHCP_ID < inside + count;
  });
}

/** Becomes the server's own unprivileged user, for good. Does nothing for an ordinary user. */
export async function dropPrivileges(log: Logger): Promise<void> {
  if (!canChangeUser()) return;
  // Node.js would keep what it has compiled when the process ends, where only root may write.
  flushCompileCache();
  await keepParentDeathSignal(() => {
    process.setgroups?.([]);
    process.setgid?.(SERVER_ID);
    process.setuid?.(SERVER_ID);
  });
  log.debug({ uid: SERVER_ID }, 'gave up root');
}

/** `argv`, run with only the capabilities that an agent needs, and ended when its parent dies. `containers`: it may run some. */
export function asAgent(argv: readonly string[], containers: boolean): readonly string[] {
  return ['setpriv', '--bounding-set', bounds(containers), '--pdeathsig', 'SIGKILL', ...argv];
}

/**
 * Makes this very process one that can have only the capabilities of an agent, and whatever it starts too. The program
 * starts over for that, so it comes first; does nothing where there is no more to give up.
 */
export function keepAgentCapabilities(containers: boolean): void {
  const wanted = Object.values(needed(containers)).reduce((set, number) => set | (1n << BigInt(number)), 0n);
  if ((capabilities('CapBnd') & ~wanted) === 0n || process.execve === undefined) return;
  const argv = [
    '--bounding-set',
    bounds(containers),
    '--',
    process.execPath,
    ...process.execArgv,
    ...process.argv.slice(1),
  ];
  process.execve(SETPRIV, [SETPRIV, ...argv], process.env);
}

/** One of this process's sets of capabilities, such as `CapEff`, as /proc/self/status has it: a bit for each. */
export function capabilities(set: 'CapEff' | 'CapBnd'): bigint {
  const digits = new RegExp(`^${set}:\\s*([0-9a-f]+)$`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return BigInt(`0x${digits ?? '0'}`);
}

/** From util-linux, which every Debian has. */
const SETPRIV = '/usr/bin/setpriv';

function needed(containers: boolean): Readonly<Record<string, number>> {
  return containers ? { ...AGENT_CAPABILITIES, ...CONTAINER_CAPABILITIES } : AGENT_CAPABILITIES;
}

function bounds(containers: boolean): string {
  return ['-all', ...Object.keys(needed(containers)).map((name) => `+${name}`)].join(',');
}

/** `argv`, ended when its parent dies, however that happens. */
export function diesWithParent(argv: readonly string[]): readonly string[] {
  return ['setpriv', '--pdeathsig', 'SIGKILL', ...argv];
}
