/** The demo guest's initial RAM disk: busybox, the kernel modules of virtio and the scripts in `guest/`. */
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { CpioEntry } from '../cpio.ts';

/** Kernel modules that the guest loads, besides those that these need. */
const MODULES = ['virtio_pci', 'virtio_mmio', 'virtio_net', 'evdev', 'button'];

/** The programs of busybox that the guest and its users call by name. */
const APPLETS = [
  ...['[', 'acpid', 'arping', 'awk', 'base64', 'basename', 'cat', 'chmod', 'cp', 'cut', 'date', 'df', 'dmesg', 'du'],
  ...['echo', 'env', 'expr', 'false', 'find', 'free', 'grep', 'halt', 'head', 'hexdump', 'hostname', 'httpd', 'id'],
  ...['insmod', 'ip', 'kill', 'killall', 'less', 'ln', 'ls', 'lsmod', 'mkdir', 'mknod', 'mount', 'mv', 'nc', 'netstat'],
  ...['nslookup', 'pidof', 'ping', 'ping6', 'poweroff', 'printf', 'ps', 'pwd', 'reboot', 'rm', 'rmmod', 'sed', 'seq'],
  ...['setsid', 'cttyhack', 'sh', 'sleep', 'sort', 'stat', 'stty', 'sync', 'sysctl', 'tail', 'tee', 'test', 'time'],
  ...[
    'timeout',
    'top',
    'touch',
    'tr',
    'traceroute',
    'traceroute6',
    'true',
    'udhcpc',
    'umount',
    'uname',
    'uniq',
    'uptime',
  ],
  ...['usleep', 'vi', 'wc', 'wget', 'which', 'xargs', 'yes'],
];

const GUEST_DIR = join(import.meta.dirname, 'guest');

/** The scripts of the guest, by file name. */
export async function guestScripts(): Promise<ReadonlyMap<string, Buffer>> {
  const names = (await readdir(GUEST_DIR)).sort();
  return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(GUEST_DIR, name))] as const)));
}

/** What goes into the RAM disk, from unpacked packages: `kernelRoot` has `lib/modules`, `busyboxRoot` has `bin/busybox`. */
export async function initramfsEntries(roots: {
  readonly kernelRoot: string;
  readonly busyboxRoot: string;
}): Promise<CpioEntry[]> {
  const scripts = await guestScripts();
  const modules = await readModules(join(roots.kernelRoot, 'lib/modules'));
  const script = (name: string, path: string): CpioEntry => {
    const data = scripts.get(name);
    if (data === undefined) throw new Error(`the demo guest's script ${name} is missing from ${GUEST_DIR}`);
    return { kind: 'file', path, data, mode: 0o755 };
  };
  return [
    ...['bin', 'dev', 'proc', 'sys', 'etc', 'etc/acpi', 'etc/acpi/PWRF', 'lib', 'lib/modules', 'www', 'tmp'].map(
      (path): CpioEntry => ({ kind: 'directory', path }),
    ),
    // Linux opens /dev/console for the first process before that process can mount devtmpfs.
    { kind: 'character-device', path: 'dev/console', major: 5, minor: 1 },
    { kind: 'file', path: 'bin/busybox', data: await readFile(join(roots.busyboxRoot, 'bin/busybox')), mode: 0o755 },
    ...APPLETS.map((name): CpioEntry => ({ kind: 'symlink', path: `bin/${name}`, target: 'busybox' })),
    script('init', 'init'),
    script('udhcpc-script', 'bin/udhcpc-script'),
    script('power-button', 'etc/acpi/PWRF/00000080'),
    script('profile', 'etc/profile'),
    ...modules.map(({ name, data }): CpioEntry => ({ kind: 'file', path: `lib/modules/${name}.ko`, data })),
    { kind: 'file', path: 'lib/modules/order', data: Buffer.from(`${modules.map(({ name }) => name).join('\n')}\n`) },
  ];
}

interface Module {
  readonly name: string;
  readonly data: Buffer;
}

/** The modules of a kernel package that the guest loads, in an order in which each comes after those that it needs. */
async function readModules(root: string): Promise<readonly Module[]> {
  const files = (await readdir(root, { recursive: true })).filter((path) => path.endsWith('.ko'));
  const pathOf = new Map(files.map((path) => [basename(path, '.ko').replaceAll('-', '_'), path]));
  const loaded = new Map<string, Module>();
  const visited = new Set<string>();
  const visit = async (name: string): Promise<void> => {
    const path = pathOf.get(name);
    // What is built into the kernel is not a file and needs no loading.
    if (path === undefined || visited.has(name)) return;
    visited.add(name);
    const data = await readFile(join(root, path));
    for (const needed of moduleDependencies(data)) await visit(needed);
    loaded.set(name, { name, data });
  };
  for (const name of MODULES) await visit(name);
  return [...loaded.values()];
}

/** The names in a module's `depends=` line; modules carry it among the NUL-ended texts of their `.modinfo` section. */
function moduleDependencies(module: Buffer): readonly string[] {
  const start = module.indexOf('\0depends=', 0, 'latin1');
  if (start < 0) return [];
  const text = module.toString('latin1', start + '\0depends='.length, module.indexOf(0, start + 1));
  return text === '' ? [] : text.split(',').map((name) => name.replaceAll('-', '_'));
}
