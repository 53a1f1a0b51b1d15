/** Which instance a node is, and where that is in the network. */
import type { Node } from '../../../api/core/v1/node.ts';
import type { Clock } from '../../../host/clock.ts';
import type { Logger } from '../../../host/log.ts';
import { cidrContains, mustParseCIDR, parseIP, printIP } from '../../../lib/ip.ts';
import type { NodeFacts } from '../provider.ts';
import { type ComputeCalls, ignoreNotFound, isNotFound, type NetworkCalls } from './calls.ts';
import { mapLimited } from './concurrency.ts';
import { allPages } from './pages.ts';

/** An instance, by the VNIC through which its node is reached. */
export interface NodePlace {
  /** OCIDs. */
  readonly instance: string;
  readonly compartment: string;
  readonly vnic: string;
  readonly subnet: string;
  /** Network security groups that the VNIC is in. */
  readonly groups: readonly string[];
  readonly privateAddress: string | undefined;
  readonly publicAddress: string | undefined;
  readonly ipv6Addresses: readonly string[];
  /** As the API has it: `eu-frankfurt-1`, or `phx` in the oldest ones. */
  readonly region: string;
  /** With its tenancy's prefix: `Uocm:PHX-AD-1`. */
  readonly availabilityDomain: string;
  readonly faultDomain: string | undefined;
  readonly shape: string;
}

export interface OciNodesOptions {
  readonly compute: ComputeCalls;
  readonly network: NetworkCalls;
  /** Where instances are looked for whose node does not name them. */
  readonly compartment: string;
  readonly clock: Clock;
  readonly log: Logger;
}

type Instance = Awaited<ReturnType<ComputeCalls['getInstance']>>['instance'];
type Attachment = Awaited<ReturnType<ComputeCalls['listVnicAttachments']>>['items'][number];
type Vnic = Awaited<ReturnType<NetworkCalls['getVnic']>>['vnic'];

interface SeenVnic {
  readonly at: number;
  readonly vnic: Vnic;
}

const PROVIDER = 'oci://';
/** For how long what is known of an instance is taken for true, in milliseconds. */
const KEPT = 300_000;
/** How seldom a compartment is searched for instances, in milliseconds. */
const SEARCHED = 60_000;
const MOST_KEPT = 4096;
/** VNICs of a compartment that are looked at. */
const MOST_VNICS = 4096;
const AT_ONCE = 8;

/** fc00::/7, RFC 4193 section 3.1: no address that others reach. */
const UNIQUE_LOCAL = mustParseCIDR('fc00::/7');

export class OciNodes {
  readonly #options: OciNodesOptions;
  /** By instance and the node's own addresses. */
  readonly #places = new Map<string, { readonly at: number; readonly place: Promise<NodePlace | undefined> }>();
  /** Instances by address of a VNIC. */
  #found: { readonly at: number; readonly byAddress: Promise<ReadonlyMap<string, string>> } | undefined;
  /** VNICs of the last search, and when each was asked for. */
  #vnics: ReadonlyMap<string, SeenVnic> = new Map();

  constructor(options: OciNodesOptions) {
    this.#options = options;
  }

  /** Undefined: there is no such instance, or it may not be seen, or it is going. */
  async place(node: Node): Promise<NodePlace | undefined> {
    const addresses = addressesOf(node);
    const instance = node.spec?.providerID ? instanceOf(node.spec.providerID) : await this.#search(addresses);
    if (instance === undefined) return undefined;
    const key = [instance, ...addresses].join(' ');
    const now = this.#options.clock.now();
    const known = this.#places.get(key);
    if (known !== undefined && now - known.at < KEPT) return known.place;
    const place = this.#ask(instance, addresses);
    this.#keep(key, { at: now, place });
    const forget = () => {
      if (this.#places.get(key)?.place === place) this.#places.delete(key);
    };
    // What is not there now may be there soon.
    place.then((found) => found ?? forget(), forget);
    return place;
  }

  /** The places of nodes, by node name; nodes without one are left out. */
  async places(nodes: readonly Node[]): Promise<ReadonlyMap<string, NodePlace>> {
    const found = await mapLimited(
      nodes,
      AT_ONCE,
      async (node) => [node.metadata.name ?? '', await this.place(node)] as const,
    );
    return new Map(found.flatMap(([name, place]) => (place === undefined ? [] : [[name, place] as const])));
  }

  /** Undefined: the node is none of this cloud's. */
  async facts(node: Node): Promise<NodeFacts | undefined> {
    const place = await this.place(node);
    return place && factsOf(place);
  }

  #keep(key: string, entry: { readonly at: number; readonly place: Promise<NodePlace | undefined> }): void {
    this.#places.delete(key);
    this.#places.set(key, entry);
    const [oldest] = this.#places.keys();
    if (this.#places.size > MOST_KEPT && oldest !== undefined) this.#places.delete(oldest);
  }

  async #ask(id: string, addresses: readonly string[]): Promise<NodePlace | undefined> {
    const { compute } = this.#options;
    try {
      const { instance } = await compute.getInstance({ instanceId: id });
      if (isGoing(instance)) return undefined;
      const { compartmentId } = instance;
      const attached = await allPages((page) =>
        compute.listVnicAttachments({ compartmentId, instanceId: id, ...page }),
      );
      const seen = await this.#vnicsOf(attached, SEARCHED);
      const vnics = seen.map(({ vnic }) => vnic);
      const vnic =
        vnics.find((one) => addressesOfVnic(one).some((address) => addresses.includes(address))) ??
        vnics.find(({ isPrimary }) => isPrimary === true);
      return vnic && placeOf(instance, vnic);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #search(addresses: readonly string[]): Promise<string | undefined> {
    const now = this.#options.clock.now();
    if (this.#found === undefined || now - this.#found.at >= SEARCHED) {
      const found = { at: now, byAddress: this.#instancesByAddress() };
      this.#found = found;
      found.byAddress.catch(() => {
        if (this.#found === found) this.#found = undefined;
      });
    }
    const byAddress = await this.#found.byAddress;
    return addresses.map((address) => byAddress.get(address)).find((instance) => instance !== undefined);
  }

  async #instancesByAddress(): Promise<ReadonlyMap<string, string>> {
    const { compute, compartment, log } = this.#options;
    const all = await allPages(
      (page) => compute.listVnicAttachments({ compartmentId: compartment, ...page }),
      MOST_VNICS,
    );
    if (all.length >= MOST_VNICS)
      log.warn({ compartment, most: MOST_VNICS }, 'more VNICs than are looked at: set providerID');
    const instances = new Map(all.map(({ vnicId, instanceId }) => [vnicId, instanceId]));
    // By which address a VNIC is known seldom changes.
    const seen = await this.#vnicsOf(all, KEPT);
    this.#vnics = new Map(seen.map((one) => [one.vnic.id, one]));
    return new Map(
      seen.flatMap(({ vnic }) => {
        const instance = instances.get(vnic.id);
        return instance === undefined ? [] : addressesOfVnic(vnic).map((address) => [address, instance] as const);
      }),
    );
  }

  /** Those that the last search has seen are asked for again once that is `age` milliseconds ago. */
  async #vnicsOf(attachments: readonly Attachment[], age: number): Promise<readonly SeenVnic[]> {
    const { network, clock } = this.#options;
    const ids = attachments.flatMap(({ lifecycleState, vnicId }) =>
      lifecycleState === 'ATTACHED' && vnicId ? [vnicId] : [],
    );
    const vnics = await mapLimited(ids, AT_ONCE, async (vnicId): Promise<SeenVnic | undefined> => {
      const at = clock.now();
      const seen = this.#vnics.get(vnicId);
      if (seen !== undefined && at - seen.at < age) return seen;
      // It may be detached meanwhile.
      const answer = await network.getVnic({ vnicId }).catch(ignoreNotFound);
      return answer && { at, vnic: answer.vnic };
    });
    return vnics.filter((vnic) => vnic !== undefined);
  }
}

/** The instance that a providerID names: `oci://ocid1.instance…`, or the OCID alone. Undefined: it is another cloud's. */
export function instanceOf(providerID: string): string | undefined {
  const id = providerID.startsWith(PROVIDER) ? providerID.slice(PROVIDER.length) : providerID;
  return id.startsWith('ocid1.instance.') ? id : undefined;
}

/** What is written to the Node. Labels: https://kubernetes.io/docs/reference/labels-annotations-taints/ */
export function factsOf(place: NodePlace): NodeFacts {
  const { privateAddress, publicAddress, ipv6Addresses, faultDomain } = place;
  const zone = place.availabilityDomain.slice(place.availabilityDomain.indexOf(':') + 1);
  return {
    providerID: PROVIDER + place.instance,
    addresses: [
      ...(privateAddress === undefined ? [] : [{ type: 'InternalIP' as const, address: privateAddress }]),
      ...ipv6Addresses.map(
        (address) => ({ type: isInternal(address) ? 'InternalIP' : 'ExternalIP', address }) as const,
      ),
      ...(publicAddress === undefined ? [] : [{ type: 'ExternalIP' as const, address: publicAddress }]),
    ],
    labels: {
      'topology.kubernetes.io/region': place.region,
      'topology.kubernetes.io/zone': zone,
      'node.kubernetes.io/instance-type': place.shape,
      ...(faultDomain === undefined ? {} : { 'oci.oraclecloud.com/fault-domain': faultDomain }),
    },
  };
}

function placeOf(instance: Instance, vnic: Vnic): NodePlace | undefined {
  const { id, compartmentId, region, availabilityDomain, faultDomain, shape } = instance;
  if (!vnic.subnetId) return undefined; // In a VLAN, which has no security lists.
  return {
    instance: id,
    compartment: compartmentId,
    vnic: vnic.id,
    subnet: vnic.subnetId,
    groups: vnic.nsgIds ?? [],
    privateAddress: vnic.privateIp || undefined,
    publicAddress: vnic.publicIp || undefined,
    ipv6Addresses: (vnic.ipv6Addresses ?? []).map(canonical),
    region,
    availabilityDomain,
    faultDomain: faultDomain || undefined,
    shape,
  };
}

const isGoing = ({ lifecycleState }: Instance): boolean =>
  lifecycleState === 'TERMINATING' || lifecycleState === 'TERMINATED';

function addressesOf({ status }: Node): readonly string[] {
  return (status?.addresses ?? []).flatMap(({ type, address }) => (type === 'InternalIP' ? [canonical(address)] : []));
}

function addressesOfVnic({ privateIp, ipv6Addresses }: Vnic): readonly string[] {
  return [...(privateIp ? [privateIp] : []), ...(ipv6Addresses ?? [])].map(canonical);
}

function isInternal(address: string): boolean {
  const ip = parseIP(address);
  return ip !== undefined && cidrContains(UNIQUE_LOCAL, ip);
}

function canonical(address: string): string {
  const ip = parseIP(address);
  return ip === undefined ? address : printIP(ip);
}
