/** Ports that a virtual machine declares on its interfaces: what named target ports refer to. */
import type { InstanceSpec } from './instance-spec.ts';

export interface DeclaredPort {
  readonly name?: string;
  readonly port: number;
  /** Default: TCP, as KubeVirt's. */
  readonly protocol: string;
}

/** Every declared port, in the order of the interfaces. */
export function declaredPorts({ domain }: InstanceSpec): readonly DeclaredPort[] {
  const declared = (domain.devices.interfaces ?? []).flatMap(({ ports = [] }) => ports);
  return declared.map(({ name, port, protocol }) => ({ ...(name ? { name } : {}), port, protocol: protocol || 'TCP' }));
}
