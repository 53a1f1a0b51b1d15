/** What an agent cannot do without, checked before it touches anything. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { checkPrivileges, checkTun } from '../../lab/privileges.ts';
import { requireDirectory } from '../directory.ts';
import { UserError } from '../errors.ts';
import { capabilities } from './privileges.ts';

interface Requirement {
  readonly program: string;
  /** The Debian package that brings it. */
  readonly debianPackage: string;
  readonly use: string;
}

const QEMU: Readonly<Record<string, Requirement>> = {
  x64: { program: 'qemu-system-x86_64', debianPackage: 'qemu-system-x86', use: 'runs the virtual machines' },
  arm64: { program: 'qemu-system-aarch64', debianPackage: 'qemu-system-arm', use: 'runs the virtual machines' },
};

const PROGRAMS: readonly Requirement[] = [
  { program: 'ip', debianPackage: 'iproute2', use: 'sets up bridge and routes' },
  { program: 'nft', debianPackage: 'nftables', use: 'loads the Services into the kernel' },
  { program: 'dnsmasq', debianPackage: 'dnsmasq-base', use: 'gives guests their addresses' },
  { program: 'setpriv', debianPackage: 'util-linux', use: 'takes away privileges' },
];

const CAP_NET_ADMIN = 12n;
const CAP_NET_RAW = 13n;

/** Throws a {@link UserError} that names everything that is missing, and the one command that mends it. */
export async function requireAgent(path = process.env['PATH'] ?? ''): Promise<void> {
  if ((capabilities('CapEff') & (1n << CAP_NET_ADMIN)) === 0n) {
    throw new UserError(
      'an agent needs root: it sets up a bridge, netfilter rules and virtual machines on this host',
      'Run it with sudo. To try Postern as an ordinary user: ./postern lab up --dir DIR',
    );
  }
  await requirePrograms(path);
  checkTun();
}

/** Throws a {@link UserError} unless this process may change the packet filter. */
export function requireProxy(): void {
  if ((capabilities('CapEff') & (1n << CAP_NET_ADMIN)) !== 0n) return;
  throw new UserError(
    "a node proxy needs root, or CAP_NET_ADMIN: it changes this host's packet filter",
    'Run it with sudo. To see the rules without changing anything: postern render --help',
  );
}

/** Throws a {@link UserError} unless this process may look at the firewall and change it. */
export function requireFirewall(): void {
  if ((capabilities('CapEff') & (1n << CAP_NET_ADMIN)) !== 0n) return;
  throw new UserError(
    "the firewall of this machine is root's: it cannot even be read without CAP_NET_ADMIN",
    'Run it with sudo.',
  );
}

/** Throws a {@link UserError} unless this process may answer on its LAN, and have the kernel pass connections on. */
export function requireL2(): void {
  const needed = (1n << CAP_NET_RAW) | (1n << CAP_NET_ADMIN);
  if ((capabilities('CapEff') & needed) === needed) return;
  throw new UserError(
    'an announcer needs root, or CAP_NET_RAW and CAP_NET_ADMIN: it answers ARP and NDP, and has the kernel pass connections on',
    'Run it with sudo. To see who announces what: postern l2 status --help',
  );
}

/** As {@link requireAgent}, for a lab in `dir`, which an ordinary user can have too. */
export async function requireLab(dir: string): Promise<void> {
  await requirePrograms();
  await requireDirectory('--dir', dir);
  await checkPrivileges();
}

/** Throws a {@link UserError} unless every program that an agent runs is here. */
async function requirePrograms(path = process.env['PATH'] ?? ''): Promise<void> {
  const missing = await missingPrograms(path);
  if (missing.length > 0) {
    const list = missing.map(({ program, use }) => `${program} (${use})`).join(', ');
    throw new UserError(
      `missing on this machine: ${list}`,
      `Install: apt-get install -y --no-install-recommends ${missing.map((item) => item.debianPackage).join(' ')}`,
    );
  }
}

/** The needed programs that are not on `path`; the directories of administration programs are searched too. */
async function missingPrograms(path: string): Promise<readonly Requirement[]> {
  const directories = [...path.split(delimiter), '/usr/sbin', '/sbin'].filter((directory) => directory !== '');
  const qemu = QEMU[process.arch];
  const needed = qemu === undefined ? PROGRAMS : [...PROGRAMS, qemu];
  const found = await Promise.all(needed.map(({ program }) => isOnPath(program, directories)));
  return needed.filter((_, i) => !found[i]);
}

async function isOnPath(program: string, directories: readonly string[]): Promise<boolean> {
  const tries = await Promise.allSettled(
    directories.map((directory) => access(join(directory, program), constants.X_OK)),
  );
  return tries.some(({ status }) => status === 'fulfilled');
}
