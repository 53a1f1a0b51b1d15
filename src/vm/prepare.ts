/** From an instance's spec to a QEMU command line: the files of its images, its port, and the ways in which that fails. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { VirtualMachineInstance } from '../api/kubevirt/v1/virtualmachineinstance.ts';
import type { Port } from '../network/pod-network.ts';
import { ImageError } from './images/errors.ts';
import { imageFile } from './images/files.ts';
import type { Acceleration } from './qemu/accelerator.ts';
import { type GuestParts, qemuArguments } from './qemu/arguments.ts';
import { type GuestPlan, planGuest } from './qemu/plan.ts';

export interface GuestFiles {
  readonly kernelFile: string | undefined;
  readonly initrdFile: string | undefined;
  readonly diskFiles: GuestParts['diskFiles'];
}

/** Why a guest cannot be started now: one word, and what to do about it. */
export interface Blocked {
  readonly kind: 'blocked';
  readonly reason: string;
  readonly message: string;
}

export type Prepared = { readonly kind: 'prepared'; readonly plan: GuestPlan; readonly files: GuestFiles } | Blocked;

/** Checks the spec and gets the files of its images. */
export async function prepareGuest(vmi: VirtualMachineInstance, imageDir: string): Promise<Prepared> {
  const outcome = planGuest(vmi.spec, process.arch);
  if (outcome.kind === 'refused') {
    const message = outcome.causes.map((cause) => `${cause.field}: ${cause.message}`).join('; ');
    return { kind: 'blocked', reason: 'InvalidSpec', message };
  }
  try {
    return { kind: 'prepared', plan: outcome.plan, files: await filesOf(outcome.plan, imageDir) };
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    return { kind: 'blocked', reason: `Image${error.reason}`, message: error.message };
  }
}

async function filesOf(plan: GuestPlan, imageDir: string): Promise<GuestFiles> {
  const { kernel, disks } = plan;
  const diskFiles = [];
  for (const disk of disks) {
    const file = await imageFile(imageDir, disk.image, disk.path);
    diskFiles.push({ disk, file, format: await diskFormat(file) });
  }
  return {
    kernelFile: kernel && (await imageFile(imageDir, kernel.image, kernel.kernelPath)),
    initrdFile:
      kernel?.initrdPath === undefined ? undefined : await imageFile(imageDir, kernel.image, kernel.initrdPath),
    diskFiles,
  };
}

/** Looked up by us and told to QEMU: a guest that can write a disk's first bytes must not choose how QEMU reads them. */
async function diskFormat(path: string): Promise<'raw' | 'qcow2'> {
  const file = await open(path, 'r');
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.toString('latin1') === 'QFI\xfb' ? 'qcow2' : 'raw';
  } finally {
    await file.close();
  }
}

/** The command line of a prepared guest. */
export function commandLine(
  vmi: VirtualMachineInstance,
  { plan, files }: Extract<Prepared, { kind: 'prepared' }>,
  host: {
    readonly port: Port;
    readonly directory: string;
    readonly acceleration: Acceleration;
    readonly runAs: { readonly uid: number; readonly gid: number } | undefined;
  },
): readonly string[] {
  const { namespace = '', name = '', uid = '' } = vmi.metadata;
  return qemuArguments(plan, {
    ...files,
    name: `${namespace}/${name}`,
    uuid: vmi.spec.domain.firmware?.uuid ?? uuidFrom(uid),
    device: host.port.device,
    mac: host.port.mac,
    mtu: host.port.mtu,
    accelerator: host.acceleration.accelerator,
    runAs: host.runAs,
    directory: host.directory,
  });
}

/** A UUID (RFC 9562, version 8) that is always the same for a run. */
function uuidFrom(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
