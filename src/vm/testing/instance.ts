/** Instances for tests, saying only what matters. */
import type { VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';

type Spec = VirtualMachineInstance['spec'];

export const DEMO_KERNEL_BOOT = {
  kernelArgs: 'console=ttyS0 quiet',
  container: { image: 'postern.dev/demo:latest', kernelPath: '/boot/vmlinuz', initrdPath: '/boot/initrd' },
};

/** A guest of 128 MiB that boots the demo image. */
export function instanceSpec(domain: Partial<Spec['domain']> = {}, rest: Partial<Spec> = {}): Spec {
  return {
    domain: { memory: { guest: '128Mi' }, firmware: { kernelBoot: DEMO_KERNEL_BOOT }, devices: {}, ...domain },
    ...rest,
  };
}

export function instance(name: string, spec: Spec = instanceSpec()): VirtualMachineInstance {
  return {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachineInstance',
    metadata: { name, namespace: 'example-namespace' },
    spec,
  };
}
