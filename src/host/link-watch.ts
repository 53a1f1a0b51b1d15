/** The machine's network interfaces as they are now, told of every change by the kernel itself (rtnetlink(7)). */

/** One interface. */
export interface NetworkLink {
  readonly name: string;
  readonly index: number;
  /** 6 bytes; undefined when it is no Ethernet interface. */
  readonly mac: Uint8Array | undefined;
  /** The kernel's word for what it is, such as `bridge`, `bond`, `vlan`, `macvlan`; undefined for a plain device. */
  readonly kind: string | undefined;
  /** Index of the bridge, bond or other interface that it is a port of. */
  readonly master: number | undefined;
  /** Set up by the administrator. */
  readonly up: boolean;
  /** Up, and there is somebody at the other end of the cable. */
  readonly carrier: boolean;
  /** Whether the kernel speaks ARP and NDP on it. */
  readonly resolves: boolean;
  /** In canonical text, without zone. */
  readonly addresses: readonly string[];
}

/** What has changed about one interface. */
export interface LinkChange {
  readonly name: string;
  /** As it is now; undefined: it is gone. */
  readonly link: NetworkLink | undefined;
  /** As it was before; undefined: it has come. */
  readonly previous: NetworkLink | undefined;
  /** The kernel says that its neighbours should hear of it anew: a bond has failed over, or the machine has been moved. */
  readonly announce: boolean;
}

export interface LinkWatch {
  /** By name, as they are now. */
  readonly links: ReadonlyMap<string, NetworkLink>;
  /** Called for every change from now on. Returns the end of it. */
  onChange(listener: (change: LinkChange) => void): () => void;
}

/** Begins to watch the network namespace of this process; resolves when everything is known. Ends with the signal. */
export type OpenLinkWatch = (signal: AbortSignal) => Promise<LinkWatch>;
