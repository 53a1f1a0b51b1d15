/**
 * The pod network of one node, as the parts that run guests and containers ask for it: the one seam where parts of the
 * agent call each other, as a kubelet calls CNI.
 */
import type { IPAddress } from '../lib/ip.ts';

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
}

/** A place on the node's bridge: the device to plug in and the addresses that the guest will take. */
export interface Port {
  readonly podUID: string;
  /** Name of the device on the bridge: the guest's tap, or the node's end of the veth pair. */
  readonly device: string;
  readonly mac: string;
  /** One per family of the node's pod CIDRs, the primary family first. IPv6 is the prefix plus the EUI-64 of the MAC. */
  readonly addresses: readonly IPAddress[];
}

export interface PodNetwork {
  /** Makes the port, or finds it again: the same request has the same answer until {@link release}, across restarts. */
  attach(request: PortRequest): Promise<Port>;
  /** Removes the port's device, addresses and names. Does nothing when there is none. */
  release(podUID: string): Promise<void>;
  /** The ports that exist, as after a restart. */
  ports(): readonly Port[];
}
