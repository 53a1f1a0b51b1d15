/** Ports of the node that pods take for themselves. Pure. */
import type { PodSpec } from '../pod-spec.ts';
import { isSidecar } from './resource-totals.ts';

/** A port of the node that a pod takes. */
export interface HostPort {
  readonly protocol: string;
  /** Empty: every address of the node. */
  readonly hostIP: string;
  readonly port: number;
}

const EVERY_ADDRESS = ['', '0.0.0.0', '::'];

/** Those of containers and sidecars. On the host's network each port of a container is one. */
export function hostPortsOf(spec: PodSpec): readonly HostPort[] {
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? []).filter(isSidecar)];
  return containers.flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, hostIP = '', containerPort, protocol = 'TCP' }) => {
      const port = hostPort || (spec.hostNetwork ? containerPort : 0);
      return port === 0 ? [] : [{ protocol, port, hostIP: EVERY_ADDRESS.includes(hostIP) ? '' : hostIP }];
    }),
  );
}

/** Whether two cannot be had on one node: one address, or all of them, the same protocol and number. */
export function collide(a: HostPort, b: HostPort): boolean {
  const sameAddress = a.hostIP === '' || b.hostIP === '' || a.hostIP === b.hostIP;
  return sameAddress && a.port === b.port && a.protocol === b.protocol;
}
