/** Looks up which instance a node is, and where that is in the network. */
import type { Node } from '../../../api/core/v1/node.ts';
import type { Clock } from '../../../host/clock.ts';
import type { Logger } from '../../../host/log.ts';
import type { NodeFacts } from '../provider.ts';
import { type ComputeCalls, ignoreNotFound, isNotFound, type NetworkCalls } from './calls.ts';
import { mapLimited } from './concurrency.ts';
import {
  addressesOf,
  addressesOfVnic,
  factsOf,
  instanceOf,
  isGoing,
  type NodePlace,
  placeOf,
  type Vnic,
} from './node-place.ts';
import { allPages } from './pages.ts';

export interface OciNodesOptions {
  readonly compute: ComputeCalls;
  readonly network: NetworkCalls;
  /** Where instances are looked for whose node does not name them. */
  readonly compartment: string;
  readonly clock: Clock;
  readonly log: Logger;
}

type Attachment = Awaited<ReturnType<ComputeCalls['listVnicAttachments']>>['items'][number];

interface SeenVnic {
  readonly at: number;
  readonly vnic: Vnic;
}

/** For how long what is known of an instance is taken for true, in milliseconds. */
const KEPT = 300_000;
/** How seldom a compartment is searched for instances, in milliseconds. */
const SEARCHED = 60_000;
const MOST_KEPT = 4096;
/** VNICs of a compartment that are looked at. */
const MOST_VNICS = 4096;
const AT_ONCE = 8;

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
    const now = this.#options.clock.steady();
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
    const now = this.#options.clock.steady();
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
      const at = clock.steady();
      const seen = this.#vnics.get(vnicId);
      if (seen !== undefined && at - seen.at < age) return seen;
      // It may be detached meanwhile.
      const answer = await network.getVnic({ vnicId }).catch(ignoreNotFound);
      return answer && { at, vnic: answer.vnic };
    });
    return vnics.filter((vnic) => vnic !== undefined);
  }
}
