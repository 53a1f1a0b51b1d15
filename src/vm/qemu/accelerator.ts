/** Whether this machine runs guests in hardware. */
import { access, constants, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError, type RunCommand } from '../../host/process.ts';

export type Acceleration = { readonly accelerator: 'kvm' } | { readonly accelerator: 'tcg'; readonly why: string };

/** In milliseconds. /dev/kvm can be there and not work (nested, or a hypervisor that forbids it), and then QEMU may hang. */
const PROBE_LIMIT = 2000;

/**
 * Firmware of five instructions' length at the reset vector: `mov al,1; out 0xf4,al; hlt`. What is written to QEMU's
 * isa-debug-exit device ends QEMU with (value << 1) | 1.
 */
const PROBE_CODE = [0xb0, 0x01, 0xe6, 0xf4, 0xf4];
const PROBE_EXIT = 3;
const FIRMWARE_SIZE = 64 * 1024;
const RESET_VECTOR = 0xfff0;

/**
 * Runs a few instructions under KVM, with the processor model that guests get, and sees whether they ran. `directory` is
 * where the firmware that holds them is put for the time.
 */
export async function probeKVM(
  architecture: NodeJS.Architecture,
  directory: string,
  run: RunCommand,
): Promise<Acceleration> {
  try {
    await access('/dev/kvm', constants.R_OK | constants.W_OK);
  } catch {
    return { accelerator: 'tcg', why: '/dev/kvm is not there or not open to us' };
  }
  const firmware = join(directory, 'kvm-probe.bin');
  try {
    await run(await probeCommand(architecture, firmware), { input: QUIT, timeout: PROBE_LIMIT });
    return { accelerator: 'kvm' };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    if (error.code === PROBE_EXIT) return { accelerator: 'kvm' };
    return { accelerator: 'tcg', why: `KVM does not work here: ${error.stderr.split('\n')[0] || error.message}` };
  } finally {
    await rm(firmware, { force: true });
  }
}

const QUIT = '{"execute":"qmp_capabilities"}\n{"execute":"quit"}\n';

async function probeCommand(architecture: NodeJS.Architecture, path: string): Promise<readonly string[]> {
  const common = [qemuProgram(architecture), '-nodefaults', '-no-user-config', '-display', 'none', '-cpu', 'host'];
  // Without a PC's exit device: a machine whose processor was made and set up has come past what fails.
  if (architecture === 'arm64') return [...common, '-machine', 'virt,accel=kvm', '-m', '16M', '-S', '-qmp', 'stdio'];
  const firmware = Buffer.alloc(FIRMWARE_SIZE);
  firmware.set(PROBE_CODE, RESET_VECTOR);
  await writeFile(path, firmware);
  const exit = ['-device', 'isa-debug-exit,iobase=0xf4,iosize=1'];
  return [...common, '-machine', 'q35,accel=kvm', '-m', '1M', '-bios', path, ...exit];
}

/** QEMU's program for guests of this machine's own processor. */
export function qemuProgram(architecture: NodeJS.Architecture): string {
  return architecture === 'arm64' ? 'qemu-system-aarch64' : 'qemu-system-x86_64';
}
