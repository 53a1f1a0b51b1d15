/** What a VirtualMachineInstance asks for, checked and in our terms. */
import type { InstanceSpec } from '../../api/kubevirt/v1/instance-spec.ts';
import { parseQuantity } from '../../api/quantity.ts';
import type { Cause } from '../../api/status.ts';

/** Machine types of QEMU that we start. */
export type Machine = 'microvm' | 'q35' | 'virt';

export interface ImageKernel {
  readonly image: string;
  readonly kernelPath: string;
  readonly initrdPath: string | undefined;
  readonly kernelArgs: string;
}

/** A disk whose content is a file of an image. What the guest writes is kept until it ends. */
export interface ImageDisk {
  readonly name: string;
  readonly image: string;
  /** A path that ends in `/` means the only file in that directory. */
  readonly path: string;
  readonly readonly: boolean;
  readonly bootIndex: number | undefined;
}

export interface GuestPlan {
  readonly machine: Machine;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly kernel: ImageKernel | undefined;
  readonly disks: readonly ImageDisk[];
  readonly interfaceName: string;
  readonly mac: string | undefined;
}

export type PlanOutcome =
  | { readonly kind: 'plan'; readonly plan: GuestPlan }
  | { readonly kind: 'refused'; readonly causes: readonly Cause[] };

/** The smallest memory that any guest of ours starts with, in MiB. */
const LEAST_MEMORY = 16;
const MOST_CPUS = 255;
/** Where KubeVirt's container disks keep their only file. */
const CONTAINER_DISK_DIRECTORY = '/disk/';

/** Every mistake, in one pass. */
export function planGuest(spec: InstanceSpec, architecture: NodeJS.Architecture): PlanOutcome {
  const causes: Cause[] = [];
  const kernel = planKernel(spec, causes);
  const disks = planDisks(spec, causes);
  const memoryMiB = planMemory(spec, causes);
  const cpus = planCPUs(spec, causes);
  if (kernel === undefined && disks.length === 0 && causes.length === 0) {
    causes.push({
      field: 'spec.domain',
      reason: 'FieldValueRequired',
      message: 'there is nothing to boot from: give firmware.kernelBoot or a disk with a containerDisk volume',
    });
  }
  const machine = planMachine(spec, architecture, { direct: kernel !== undefined && disks.length === 0 }, causes);
  const [card] = spec.domain.devices.interfaces ?? [];
  if ((spec.domain.devices.interfaces?.length ?? 0) > 1) {
    causes.push({
      field: 'spec.domain.devices.interfaces',
      reason: 'FieldValueTooMany',
      message: 'a guest has one interface, on the pod network; remove the others',
    });
  }
  if (causes.length > 0) return { kind: 'refused', causes };
  const interfaceName = card?.name ?? 'default';
  return { kind: 'plan', plan: { machine, memoryMiB, cpus, kernel, disks, interfaceName, mac: card?.macAddress } };
}

function planKernel(spec: InstanceSpec, causes: Cause[]): ImageKernel | undefined {
  const boot = spec.domain.firmware?.kernelBoot;
  if (boot === undefined) return undefined;
  const field = 'spec.domain.firmware.kernelBoot.container';
  if (boot.container?.kernelPath === undefined) {
    causes.push({
      field: boot.container === undefined ? field : `${field}.kernelPath`,
      reason: 'FieldValueRequired',
      message: 'say which image holds the kernel, and its path there, such as /boot/vmlinuz',
    });
    return undefined;
  }
  const { image, kernelPath, initrdPath } = boot.container;
  return { image, kernelPath, initrdPath, kernelArgs: boot.kernelArgs ?? '' };
}

function planDisks(spec: InstanceSpec, causes: Cause[]): readonly ImageDisk[] {
  const disks: ImageDisk[] = [];
  for (const [i, volume] of (spec.volumes ?? []).entries()) {
    const device = spec.domain.devices.disks?.find((disk) => disk.name === volume.name);
    if (volume.containerDisk === undefined) {
      const { name: _, ...source } = volume;
      causes.push({
        field: `spec.volumes[${i}]`,
        reason: 'FieldValueNotSupported',
        message: `volume ${volume.name} is of type ${Object.keys(source)[0] ?? 'none'}; the only type so far is containerDisk`,
      });
    } else if (device !== undefined) {
      disks.push({
        name: volume.name,
        image: volume.containerDisk.image,
        path: volume.containerDisk.path ?? CONTAINER_DISK_DIRECTORY,
        readonly: device.disk?.readonly ?? false,
        bootIndex: device.bootOrder,
      });
    }
  }
  return disks;
}

function planMemory(spec: InstanceSpec, causes: Cause[]): number {
  const { memory, resources } = spec.domain;
  const asked = memory?.guest ?? resources?.requests?.['memory'] ?? resources?.limits?.['memory'];
  const field = 'spec.domain.memory.guest';
  const bytes = asked === undefined ? undefined : parseQuantity(asked);
  const mebibytes = Math.floor((bytes ?? 0) / 2 ** 20);
  if (mebibytes < LEAST_MEMORY) {
    causes.push({
      field,
      reason: asked === undefined ? 'FieldValueRequired' : 'FieldValueInvalid',
      message: `${asked === undefined ? '' : `${asked} is too little or not a quantity; `}say how much memory the guest has, at least ${LEAST_MEMORY}Mi`,
    });
  }
  return mebibytes;
}

function planCPUs(spec: InstanceSpec, causes: Cause[]): number {
  const { cores = 1, sockets = 1, threads = 1 } = spec.domain.cpu ?? {};
  const cpus = cores * sockets * threads;
  if (!Number.isInteger(cpus) || cpus < 1 || cpus > MOST_CPUS) {
    causes.push({
      field: 'spec.domain.cpu',
      reason: 'FieldValueInvalid',
      message: `cores x sockets x threads is ${cpus}; a guest has 1 to ${MOST_CPUS} processors`,
    });
  }
  return cpus;
}

/**
 * microvm boots a third faster and is not the default: it has neither HPET nor PM timer, and without KVM on a busy machine
 * Linux then finds no clock it can calibrate and hangs.
 */
function planMachine(
  spec: InstanceSpec,
  architecture: NodeJS.Architecture,
  boot: { readonly direct: boolean },
  causes: Cause[],
): Machine {
  if (architecture === 'arm64') return 'virt';
  const type = spec.domain.machine?.type;
  if (type === undefined || type === '') return 'q35';
  if (type === 'microvm' && boot.direct) return 'microvm';
  // KubeVirt's names carry versions: pc-q35-rhel9.2.0.
  if (/^(pc-)?q35/.test(type)) return 'q35';
  causes.push({
    field: 'spec.domain.machine.type',
    reason: 'FieldValueNotSupported',
    message: `${type} is not one of q35 and microvm (only with kernelBoot and no disks); leave it out for q35`,
  });
  return 'q35';
}
