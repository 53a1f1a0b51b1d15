/** What of a Service decides whether a node deals with it at all: for whoever forwards it, or lets it through. Pure. */
import type { KubeObject } from '../../meta/v1.ts';
import type { ServicePort } from './service.ts';

/**
 * Services and slices with one of these labels are left alone: another proxy serves them, or none does.
 * https://kubernetes.io/docs/reference/labels-annotations-taints/#servicekubernetesioservice-proxy-name
 */
const LEFT_ALONE = ['service.kubernetes.io/service-proxy-name', 'service.kubernetes.io/headless'];

const TRANSPORTS: ReadonlyMap<string, 'tcp' | 'udp' | 'sctp'> = new Map([
  ['TCP', 'tcp'],
  ['UDP', 'udp'],
  ['SCTP', 'sctp'],
]);

/**
 * Endpoints that a node forwards to for one port of a Service in one family; those beyond are left out. It is what a drawn number can
 * name (`random mod 65536` of nftables), with room to spare.
 */
export const MAX_ENDPOINTS = 4095;

/** Whether a Service, or a slice, is none of ours. */
export function isLeftAlone({ metadata }: Pick<KubeObject, 'metadata'>): boolean {
  return LEFT_ALONE.some((label) => metadata.labels?.[label] !== undefined);
}

/** The protocol as packet filters name it; undefined for one that there is not. */
export function transportOf({ protocol = 'TCP' }: ServicePort): 'tcp' | 'udp' | 'sctp' | undefined {
  return TRANSPORTS.get(protocol);
}

/** Whether a number can be a port's; an API server that checks less than it should may let others by. */
export function isPort(port: number | undefined): port is number {
  return port !== undefined && Number.isInteger(port) && port > 0 && port < 65_536;
}
