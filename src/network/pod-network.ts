/**
 * The pod network of one node, as the parts that run guests and containers ask for it: the one seam where parts of the
 * agent call each other, as a kubelet calls CNI.
 */
import type { IPAddress } from '../lib/ip.ts';

/** A port of the node that leads to one of a pod's. */
export interface HostPort {
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly hostPort: number;
  readonly containerPort: number;
  /** At this address of the node only. Default: at all, of the families that the pod has. */
  readonly hostIP?: IPAddress;
}

export interface PortRequest {
  /** UID of the pod; one port each. */
  readonly podUID: string;
  /** `namespace/name` of the pod, for people who look at the node. */
  readonly podKey: string;
  /** Name that the guest gets by DHCP. */
  readonly hostname: string;
  /** Asked-for MAC, `aa:bb:cc:dd:ee:ff`; default: derived from the pod's UID. */
  readonly mac?: string;
  /**
   * Path of the network namespace that the port leads into, for a pod of containers: a veth pair, whose end in there has the
   * addresses and routes. Default: a tap, for a guest that asks for its addresses by DHCP.
   */
  readonly namespace?: string;
  /** With `namespace`: the sandbox that it is of, by which {@link PodNetwork.release} tells a pod's sandboxes apart. */
  readonly sandbox?: string;
  /** With `namespace`: what the interface in there is called. Default: eth0. */
  readonly interfaceName?: string;
  readonly hostPorts?: readonly HostPort[];
}

/** A place on the node's bridge: the device to plug in and the addresses that the guest will take. */
export interface Port {
  readonly podUID: string;
  /** Name of the device on the bridge: the guest's tap, or the node's end of the veth pair. */
  readonly device: string;
  readonly mac: string;
  /** One per family of the node's pod CIDRs, the primary family first. IPv6 is the prefix plus the EUI-64 of the MAC. */
  readonly addresses: readonly IPAddress[];
  /** The router for each of the addresses: the node itself. */
  readonly gateways: readonly IPAddress[];
  /** Bytes that its packets may have to get to every node whole; undefined: not known, so as many as is usual. */
  readonly mtu?: number;
  /** Of a pod of containers: the path that the port was asked for with, and its sandbox. */
  readonly namespace?: string;
  readonly sandbox?: string;
}

export interface PodNetwork {
  /** Makes the port, or finds it again: the same request has the same answer until {@link release}, across restarts. */
  attach(request: PortRequest): Promise<Port>;
  /**
   * Removes the port's device, addresses and names. Does nothing when there is none, nor when it has passed to another sandbox
   * than the one that is named.
   */
  release(podUID: string, sandbox?: string): Promise<void>;
  /** What is wrong with the port of a pod of containers, as far as it can be seen; undefined: nothing. Changes nothing. */
  check(podUID: string): Promise<string | undefined>;
  /** The ports that exist, as after a restart. */
  ports(): readonly Port[];
}
