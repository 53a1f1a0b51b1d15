/** A guest's QEMU command line, as pure data. Paths without a directory are in the guest's own, where QEMU is started. */
import type { GuestPlan, ImageDisk, Machine } from './plan.ts';

export const QMP_SOCKET = 'qmp.sock';
export const CONSOLE_SOCKET = 'console.sock';
export const PID_FILE = 'qemu.pid';

/** What is known about a guest once its port and the files of its images are there. */
export interface GuestParts {
  /** For people who look at the list of processes. */
  readonly name: string;
  readonly uuid: string;
  readonly device: string;
  readonly mac: string;
  /** Bytes that its packets may have, which its network card tells the guest; undefined: as is usual. */
  readonly mtu?: number | undefined;
  readonly kernelFile: string | undefined;
  readonly initrdFile: string | undefined;
  readonly diskFiles: readonly { readonly disk: ImageDisk; readonly file: string; readonly format: 'raw' | 'qcow2' }[];
  readonly accelerator: 'kvm' | 'tcg';
  readonly runAs: { readonly uid: number; readonly gid: number } | undefined;
  /** The guest's own directory: in the arguments so that the process can be told from every other. */
  readonly directory: string;
}

/** What a guest takes for granted. */
const USUAL_MTU = 1500;

/** Translated code that TCG keeps, in MiB; its default is a quarter of the machine's memory. */
const TCG_CACHE = 64;

/** The arguments, without the program's name. */
export function qemuArguments(plan: GuestPlan, parts: GuestParts): readonly string[] {
  return [
    ...['-name', `guest=${escapeCommas(parts.name)}`, '-uuid', parts.uuid],
    ...['-nodefaults', '-no-user-config', '-display', 'none'],
    ...['-machine', machineOption(plan.machine)],
    ...['-accel', parts.accelerator === 'kvm' ? 'kvm' : `tcg,tb-size=${TCG_CACHE}`],
    ...['-cpu', parts.accelerator === 'kvm' ? 'host' : 'max'],
    ...['-m', `${plan.memoryMiB}M`, '-smp', String(plan.cpus)],
    ...['-rtc', 'base=utc'],
    ...kernelArguments(plan, parts),
    ...['-object', 'rng-builtin,id=rng0', '-device', `virtio-rng-${bus(plan.machine)},rng=rng0`],
    ...['-netdev', `tap,id=net0,ifname=${parts.device},script=no,downscript=no`],
    // Without link status the guest's link is up from the start. With it Linux hears of the link up to a second later
    // (linkwatch), and IPv6 waits for that.
    ...[
      '-device',
      `virtio-net-${bus(plan.machine)},netdev=net0,mac=${parts.mac},status=off${mtuOption(parts.mtu)}${noOptionRom(plan.machine)}`,
    ],
    ...parts.diskFiles.flatMap((file, i) => diskArguments(plan.machine, file, i)),
    ...['-chardev', `socket,id=console,path=${CONSOLE_SOCKET},server=on,wait=off`, '-serial', 'chardev:console'],
    ...['-chardev', `socket,id=qmp,path=${QMP_SOCKET},server=on,wait=off`, '-mon', 'chardev=qmp,mode=control'],
    ...['-pidfile', `${parts.directory}/${PID_FILE}`],
    // A guest that broke out of its machine finds a process that can start no other and has no rights. The filter is in
    // place before -runas takes effect, so it has to let that one change of user pass.
    ...[
      '-sandbox',
      `on,obsolete=deny,elevateprivileges=${parts.runAs ? 'allow' : 'deny'},spawn=deny,resourcecontrol=deny`,
    ],
    ...(parts.runAs ? ['-runas', `${parts.runAs.uid}:${parts.runAs.gid}`] : []),
  ];
}

/** Linux believes its card (virtio 1.2, section 5.1.3, VIRTIO_NET_F_MTU) before it hears of DHCP, of which it heeds not all. */
const mtuOption = (mtu: number | undefined): string =>
  mtu === undefined || mtu === USUAL_MTU ? '' : `,host_mtu=${mtu}`;

function machineOption(machine: Machine): string {
  switch (machine) {
    case 'microvm':
      // The power button of microvm is ACPI's; the real-time clock is not part of it unless asked for.
      return 'microvm,acpi=on,rtc=on';
    case 'q35':
      // Controllers that nothing is plugged into only cost time at boot, and are code that a guest can attack.
      return 'q35,sata=off,smbus=off,vmport=off';
    case 'virt':
      return 'virt';
  }
}

/** microvm has no PCI: its devices are memory-mapped. */
function bus(machine: Machine): 'device' | 'pci' {
  return machine === 'microvm' ? 'device' : 'pci';
}

function noOptionRom(machine: Machine): string {
  return machine === 'microvm' ? '' : ',romfile=';
}

/**
 * Emulated timers run late on a busy machine, which Linux's boot-time check takes for broken ones, and panics. Under KVM
 * Linux leaves the check out by itself.
 */
const TCG_KERNEL_ARGS = 'no_timer_check';

function kernelArguments(plan: GuestPlan, { kernelFile, initrdFile, accelerator }: GuestParts): readonly string[] {
  if (plan.kernel === undefined || kernelFile === undefined) return [];
  const pc = accelerator === 'tcg' && plan.machine !== 'virt';
  const kernelArgs = pc ? `${plan.kernel.kernelArgs} ${TCG_KERNEL_ARGS}`.trim() : plan.kernel.kernelArgs;
  const initrd = initrdFile === undefined ? [] : ['-initrd', initrdFile];
  return ['-kernel', kernelFile, ...initrd, '-append', kernelArgs];
}

/** The image's file is shared and read-only; what a guest writes goes into a temporary file that ends with it. */
function diskArguments(machine: Machine, part: GuestParts['diskFiles'][number], index: number): readonly string[] {
  const { disk, file, format } = part;
  const access = disk.readonly ? 'readonly=on' : 'snapshot=on';
  const boot = disk.bootIndex === undefined ? '' : `,bootindex=${disk.bootIndex}`;
  return [
    ...['-drive', `id=disk${index},if=none,file=${escapeCommas(file)},format=${format},${access}`],
    ...['-device', `virtio-blk-${bus(machine)},drive=disk${index}${boot}`],
  ];
}

/** In QEMU's option lists a comma ends a value unless it is doubled. */
function escapeCommas(value: string): string {
  return value.replaceAll(',', ',,');
}
