/** Makes places: each a process that holds a network, host name and mount namespace open, and what is set up in there. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { runCommand, signalChild } from '../host/process.ts';
import { LabError } from './error.ts';
import { lanCommands, type Place, placeCommands, placesOf, sysctlsOf, type Topology } from './topology.ts';

/** A place that exists: `pid` holds it open. */
export interface OpenPlace {
  readonly place: Place;
  readonly pid: number;
  /** Rejects when the place is lost, which the lab does not survive. */
  readonly lost: Promise<never>;
}

/** The command line that runs a command in a place, given a process in there. */
export function enterArgv(pid: number, argv: readonly string[]): readonly string[] {
  return ['nsenter', `--target=${pid}`, '--net', '--uts', '--mount', '--', ...argv];
}

/** Makes every place and the LAN between them. When the signal is aborted, each is gone with the last process in it. */
export async function openPlaces(
  topology: Topology,
  files: { readonly resolvConf: (place: Place) => string },
  signal: AbortSignal,
): Promise<readonly OpenPlace[]> {
  const opened = await Promise.all(placesOf(topology).map((place) => openPlace(place, signal)));
  const pidOf = (wanted: Place): number => {
    const pid = opened.find(({ place }) => place === wanted)?.pid;
    if (pid === undefined) throw new Error(`no such place: ${wanted.name}`);
    return pid;
  };
  await batch(pidOf(topology.lan), lanCommands(topology, pidOf));
  await Promise.all(
    opened
      .filter(({ place }) => place !== topology.lan)
      .flatMap(({ place, pid }) => [batch(pid, placeCommands(place)), bindResolvConf(pid, files.resolvConf(place))]),
  );
  return opened;
}

/** The addresses that an interface of a place has for more than its own link; none when there is no such interface. */
export async function addressesIn(pid: number, lanInterface: string): Promise<readonly string[]> {
  const { stdout } = await runCommand(enterArgv(pid, ['ip', '-json', 'address', 'show', 'scope', 'global']));
  const links = JSON.parse(stdout) as readonly { ifname?: string; addr_info?: readonly { local?: string }[] }[];
  return links
    .filter(({ ifname }) => ifname === lanInterface)
    .flatMap(({ addr_info = [] }) => addr_info.flatMap(({ local }) => (local === undefined ? [] : [local])));
}

/** `ready` says that the namespaces are there; `sleep` then holds them. The place has a /run of its own: locks and sockets. */
const HOLD = 'set -e; hostname "$0"; mount -t tmpfs -o mode=755 tmpfs /run; echo ready; exec sleep infinity';

async function openPlace(place: Place, signal: AbortSignal): Promise<OpenPlace> {
  const holder = spawn('unshare', ['--net', '--uts', '--mount', '--', 'sh', '-c', HOLD, place.name], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  signal.addEventListener('abort', () => signalChild(holder, 'SIGKILL'), { once: true });
  let complaint = '';
  holder.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-1000);
  });
  const lost = once(holder, 'exit').then(([code, signal]) => {
    throw new LabError(`the place ${place.name} is gone (${signal ?? `exit status ${code}`}): ${complaint.trim()}`);
  });
  lost.catch(() => {});
  await Promise.race([once(createInterface(holder.stdout), 'line'), lost]);
  const { pid } = holder;
  if (pid === undefined) throw new LabError(`the place ${place.name} has no process`);
  await runCommand(enterArgv(pid, ['sysctl', '--quiet', '--write', ...sysctlsOf(place)]));
  return { place, pid, lost };
}

async function batch(pid: number, commands: readonly string[]): Promise<void> {
  await runCommand(enterArgv(pid, ['ip', '-batch', '-']), { input: `${commands.join('\n')}\n` });
}

/** Gives a place its own resolv.conf: the file `path`, whose text may change later as long as it is not replaced. */
async function bindResolvConf(pid: number, path: string): Promise<void> {
  writeFileSync(path, '', { mode: 0o644 });
  await runCommand(enterArgv(pid, ['sh', '-c', BIND_RESOLV_CONF, path]));
}

/** The host's resolv.conf is often a link into /run, which is empty in a place. Nothing is ever made outside of /run. */
const BIND_RESOLV_CONF = `
set -e
target=$(readlink -m /etc/resolv.conf)
case $target in
  /run/*) mkdir -p "$(dirname "$target")"; : > "$target" ;;
esac
[ ! -e "$target" ] || mount --bind "$0" "$target"
`;
