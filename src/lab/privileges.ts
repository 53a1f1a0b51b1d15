/** Whether this machine lets this user have a lab, asked before anything is made. */
import { accessSync, constants, existsSync } from 'node:fs';
import { CommandError, type RunCommand, runCommand } from '../host/process.ts';
import { codeOf } from '../lib/errors.ts';
import { LabError } from './error.ts';
import { isolatedArgv } from './isolation.ts';

/** What a lab calls itself; what agents need beyond that, they say. With the Debian package of each. */
const PROGRAMS: Readonly<Record<string, string>> = {
  unshare: 'util-linux',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
  mount: 'mount',
  hostname: 'hostname',
  ip: 'iproute2',
  sysctl: 'procps',
};
const TUN = '/dev/net/tun';

/** An ordinary user needs a user namespace to make the others in. */
export function needsUserNamespace(): boolean {
  return process.getuid?.() !== 0;
}

/** Throws a {@link LabError} with the remedy when a lab cannot be made here. */
export async function checkPrivileges(run: RunCommand = runCommand): Promise<void> {
  checkPrograms();
  checkTun();
  const probe = isolatedArgv(['unshare', '--net', '--uts', '--', 'ip', 'link'], {
    userNamespace: needsUserNamespace(),
  });
  try {
    await run(probe, { timeout: 10_000 });
  } catch (cause) {
    if (!(cause instanceof CommandError)) throw cause;
    throw new LabError(`This machine does not let you make network namespaces: ${cause.stderr}\n${remedy()}`, {
      cause,
    });
  }
}

function checkPrograms(): void {
  const { programs, packages } = missingPrograms(PROGRAMS);
  if (programs.length === 0) return;
  throw new LabError(
    `Missing: ${programs.join(', ')}. Install: apt-get install -y --no-install-recommends ${packages.join(' ')}`,
  );
}

/** Where programs are; those of administrators are found though the user's PATH does not name them. */
const programFolders = (): readonly string[] => [
  ...(process.env['PATH'] ?? '').split(':'),
  ...['/usr/sbin', '/sbin', '/usr/bin', '/bin'],
];

/** Which of `wanted`, programs with the package of each, are in none of these folders. */
export function missingPrograms(
  wanted: Readonly<Record<string, string>>,
  folders = programFolders(),
): { readonly programs: readonly string[]; readonly packages: readonly string[] } {
  const programs = Object.keys(wanted).filter((name) => !folders.some((folder) => existsSync(`${folder}/${name}`)));
  return { programs, packages: [...new Set(programs.map((name) => wanted[name] ?? name))] };
}

/** Guests are plugged in through taps: throws a {@link LabError} with the remedy when this user can make none. */
export function checkTun(): void {
  try {
    accessSync(TUN, constants.R_OK | constants.W_OK);
  } catch (cause) {
    const missing = codeOf(cause) === 'ENOENT';
    const remedies = missing
      ? `It is missing. As root: modprobe tun; in a container, start that with --device ${TUN}.`
      : `It is not open to you. As root: chmod 0666 ${TUN}, as distributions have it, or run this as root.`;
    throw new LabError(`Guests need ${TUN}. ${remedies}`, { cause });
  }
}

function remedy(): string {
  if (!needsUserNamespace()) return 'In a container: start it with --privileged, or with the capability SYS_ADMIN.';
  return [
    'Run the lab as root, or let ordinary users have namespaces. As root, where these settings exist:',
    '  sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000 kernel.apparmor_restrict_unprivileged_userns=0',
  ].join('\n');
}
