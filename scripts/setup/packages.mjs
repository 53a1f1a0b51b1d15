/** The Debian packages whose programs and libraries Postern, its lab and its tests use. */
import { existsSync, readdirSync } from 'node:fs';
import { fail } from './fail.mjs';
import { findProgram } from './paths.mjs';
import { step } from './progress.mjs';
import { mustRunLogged, runLogged } from './run.mjs';

const X64 = process.arch === 'x64';
const TRIPLET = X64 ? 'x86_64-linux-gnu' : 'aarch64-linux-gnu';

/** What is looked for (a program, or any of some files), and the package that has it. */
const NEEDED = [
  { program: 'ip', package: 'iproute2' },
  { program: 'nft', package: 'nftables' },
  { program: 'iptables', package: 'iptables' },
  { files: [`/usr/lib/${TRIPLET}/libnftables.so.1`, '/usr/lib64/libnftables.so.1'], package: 'libnftables1' },
  X64
    ? { program: 'qemu-system-x86_64', package: 'qemu-system-x86' }
    : { program: 'qemu-system-aarch64', package: 'qemu-system-arm' },
  { program: 'dnsmasq', package: 'dnsmasq-base' },
  { program: 'conntrack', package: 'conntrack' },
  { program: 'ping', package: 'iputils-ping' },
  { program: 'arping', package: 'iputils-arping' },
  { program: 'ndisc6', package: 'ndisc6' },
  { program: 'dig', package: 'bind9-dnsutils' },
  { program: 'curl', package: 'curl' },
  { program: 'tcpdump', package: 'tcpdump' },
  { program: 'sysctl', package: 'procps' },
  { program: 'nsenter', package: 'util-linux' },
];

/** What only benches use besides. */
const NEEDED_BY_BENCHES = [{ program: 'iperf3', package: 'iperf3' }];

/**
 * What some tests use in namespaces of their own, and skip without. Where services are started once they are installed, as by
 * systemd, firewalld would close the machine's own ports, and containerd run for nothing: there it is left to whoever owns the machine.
 */
const NEEDED_BY_TESTS = [
  { program: 'firewalld', package: 'firewalld' },
  { program: 'dbus-daemon', package: 'dbus' },
  { program: 'containerd', package: 'containerd' },
  { program: 'runc', package: 'runc' },
  // Images of tests are made of it: nothing else runs without the libraries of a distribution.
  { files: ['/bin/busybox'], package: 'busybox-static' },
  { program: 'etcd', package: 'etcd-server' },
];

const APT_ENV = { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' };

/** Installs what is missing when it may, else says which command does. Costs a few file look-ups when nothing is. */
export function bringPackages() {
  return bring(NEEDED);
}

/** The same of what benches use. */
export function bringBenchPackages() {
  return bring(NEEDED_BY_BENCHES);
}

/** What tests can do without, where bringing it changes nothing else of the machine; else tests say what they lack. */
export async function bringTestPackages() {
  const startsServices = existsSync('/run/systemd/system');
  if (startsServices || process.getuid() !== 0 || findProgram('apt-get') === undefined) return;
  await bring(NEEDED_BY_TESTS);
}

async function bring(needed) {
  const missing = missingPackages(needed);
  if (missing.length === 0) return;
  const apt = findProgram('apt-get');
  const line = `apt-get install -y --no-install-recommends ${missing.join(' ')}`;
  if (apt === undefined)
    fail(
      `These programs are missing; Debian has them in: ${missing.join(' ')}.`,
      'Install them with your system’s package manager.',
    );
  if (process.getuid() !== 0) fail('Programs are missing. As root, run:', `  ${line}`);
  await step(`Installing Debian packages (${missing.join(' ')})`, () => install(missing));
  const still = missingPackages(needed);
  if (still.length > 0)
    fail(`Debian packages are installed, and yet what they bring was not found: ${still.join(' ')}.`);
}

/** Brings apt's lists of packages where there are none, as in a fresh container. Does nothing unless root. */
export async function bringPackageLists() {
  if (process.getuid() !== 0 || hasPackageLists() || findProgram('apt-get') === undefined) return;
  await step('Fetching the lists of Debian packages', () =>
    mustRunLogged('apt-update', ['apt-get', 'update'], { env: APT_ENV }),
  );
}

function missingPackages(needed) {
  const found = (need) =>
    need.program ? findProgram(need.program) !== undefined : need.files.some((file) => existsSync(file));
  return needed.filter((need) => !found(need)).map((need) => need.package);
}

/** Installs packages; when the lists turn out to be old, once more with new ones. */
export async function install(packages) {
  // Another installation may be going on, such as a new machine's own updates.
  const argv = ['apt-get', '-o', 'DPkg::Lock::Timeout=120', 'install', '-y', '--no-install-recommends', ...packages];
  if (hasPackageLists() && (await runLogged('apt-install', argv, { env: APT_ENV })).status === 0) return;
  await mustRunLogged('apt-update', ['apt-get', 'update'], { env: APT_ENV });
  await mustRunLogged('apt-install', argv, { env: APT_ENV });
}

function hasPackageLists() {
  try {
    return readdirSync('/var/lib/apt/lists').some((name) => name.includes('_Packages'));
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}
