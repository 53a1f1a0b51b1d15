/** Follows the API: what of other nodes it is this node's turn to try, and when something about that has changed. */
import { isDeepStrictEqual } from 'node:util';
import { Node } from '../../api/core/v1/node.ts';
import { Service } from '../../api/core/v1/service.ts';
import { EndpointSlice, SERVICE_NAME_LABEL } from '../../api/discovery/v1/endpointslice.ts';
import { type KubeObject, keyOf, keyText } from '../../api/meta/v1.ts';
import { ServiceL2Status } from '../../api/metallb/v1beta1/servicel2status.ts';
import type { Change, Informer } from '../../client/informer.ts';
import type { Informers } from '../../client/informers.ts';
import { paced } from '../../host/paced.ts';
import { CLUSTER } from '../backend.ts';
import { clusterOpenings } from '../exposure/cluster.ts';
import type { FirewallPolicy } from '../exposure/policy.ts';
import { clusterTries, serviceTries, type Try } from './desired.ts';
import { type Lot, lotOf } from './lots.ts';
import { type Peer, peerOf, saysThatItTries, trierOf } from './peers.ts';

export interface SubjectsOptions {
  readonly informers: Informers;
  readonly nodeName: string;
  /** Of Services that do not say. */
  readonly policy: FirewallPolicy;
  /** Called with each key of which there may be something new to find out. */
  readonly changed: (key: string) => void;
  /** Called when this node's own Node does not say that it tries. */
  readonly unsaid: () => void;
  /** Called when other nodes try and are tried than before: {@link Subjects.all} has others. */
  readonly peersChanged: () => void;
}

/** What an owner exposes on a node, and this node is to try. */
export interface Subject {
  readonly target: Peer;
  readonly trier: Peer;
  /** `namespace/name` of a Service, or `cluster`. */
  readonly owner: string;
  /** Whom what is found out concerns: the Service, or the target's Node. */
  readonly about: KubeObject;
  readonly tries: readonly Try[];
}

/** Of a subject: names of nodes have no blanks. */
const keyFor = (target: string, owner: string): string => `${target} ${owner}`;

export class Subjects {
  /** Resolves when everything that the API has is known. */
  readonly synced: Promise<void>;
  readonly #options: SubjectsOptions;
  readonly #services: Informer<Service>;
  readonly #nodes: Informer<Node>;
  readonly #slicesOf: (service: string) => readonly EndpointSlice[];
  readonly #announcersOf: (service: string) => readonly ServiceL2Status[];
  readonly #peers = new Map<string, Peer>();
  /** The same as a list, until it changes. */
  #listed: readonly Peer[] | undefined;

  constructor(options: SubjectsOptions) {
    this.#options = options;
    const { informers } = options;
    this.#services = informers.of(Service);
    this.#nodes = informers.of(Node);
    const slices = informers.of(EndpointSlice);
    this.#slicesOf = slices.index((slice) => serviceOf(slice));
    const announcers = informers.of(ServiceL2Status, { optional: true });
    this.#announcersOf = announcers.index(announcedBy);
    announcers.onChange(({ object, previous }) => this.#noteAnnouncer(object ?? previous));
    this.#nodes.onChange((change) => this.#noteNode(change));
    this.#services.onChange((change) => this.#noteService(change));
    slices.onChange((change) => this.#noteSlice(change));
    this.synced = Promise.all([this.#services.synced, this.#nodes.synced, slices.synced]).then(() => {});
  }

  /** Undefined: there is nothing to try, or it is not this node's turn. */
  get(key: string): Subject | undefined {
    const [name = '', owner = ''] = key.split(' ');
    const [target, trier] = [this.#peers.get(name), this.#peers.get(this.#options.nodeName)];
    if (target === undefined || trier === undefined) return undefined;
    if (trierOf(target, lotOf(owner), this.#peerList()) !== trier) return undefined;
    const found = owner === CLUSTER ? this.#ofCluster(trier, target) : this.#ofService(owner, trier, target);
    return found === undefined || found.tries.length === 0 ? undefined : { target, trier, owner, ...found };
  }

  /** Every key that it is this node's turn to try. Gives way to others meanwhile. */
  async all(): Promise<ReadonlySet<string>> {
    const keys = new Set<string>();
    const breathe = paced();
    const owners = [
      CLUSTER,
      ...this.#services
        .list()
        .filter(isExposed)
        .map((one) => keyText(keyOf(one))),
    ];
    for (const owner of owners) {
      for (const key of this.#keysOf(owner)) keys.add(key);
      await breathe();
    }
    return keys;
  }

  #ofService(owner: string, trier: Peer, target: Peer): Pick<Subject, 'about' | 'tries'> | undefined {
    const service = this.#services.get(owner);
    if (service === undefined) return undefined;
    const { policy } = this.#options;
    const slices = this.#slicesOf(owner);
    const announces = this.#announcersOf(owner).some(({ status }) => status?.node === target.name);
    return { about: service, tries: serviceTries({ service, slices, trier, target, announces, policy }) };
  }

  #ofCluster(trier: Peer, target: Peer): Pick<Subject, 'about' | 'tries'> | undefined {
    const node = this.#nodes.get({ name: target.name });
    if (node === undefined) return undefined;
    const place = { nodeName: target.name, addresses: target.addresses, heartbeatPort: undefined };
    const openings = clusterOpenings(this.#nodes.list(), this.#slicesOf(API), place);
    return { about: node, tries: clusterTries(openings, trier, target) };
  }

  /** What an owner exposes, wherever it is this node's turn. */
  #keysOf(owner: string): readonly string[] {
    const { nodeName } = this.#options;
    if (!this.#peers.has(nodeName)) return [];
    const [lot, peers] = [lotOf(owner), this.#peerList()];
    const isOurs = (target: Peer, of: Lot) => trierOf(target, of, peers)?.name === nodeName;
    return peers.filter((target) => isOurs(target, lot)).map(({ name }) => keyFor(name, owner));
  }

  #peerList(): readonly Peer[] {
    this.#listed ??= [...this.#peers.values()];
    return this.#listed;
  }

  #noteNode({ key, object }: Change<Node>): void {
    const isOwn = key === this.#options.nodeName;
    if (isOwn && object !== undefined && !saysThatItTries(object)) this.#options.unsaid();
    const peer = object && peerOf(object);
    if (isDeepStrictEqual(peer, this.#peers.get(key))) return;
    if (peer === undefined) this.#peers.delete(key);
    else this.#peers.set(key, peer);
    this.#listed = undefined;
    this.#options.peersChanged();
  }

  #noteService({ key, object, previous }: Change<Service>): void {
    if (!isExposed(object) && !isExposed(previous)) return;
    if (isDeepStrictEqual(object && essence(object), previous && essence(previous))) return;
    this.#tell(key);
  }

  #noteSlice({ object, previous }: Change<EndpointSlice>): void {
    if (isDeepStrictEqual(object && placesOf(object), previous && placesOf(previous))) return;
    for (const service of new Set(
      [object, previous].flatMap((slice) => (slice === undefined ? [] : serviceOf(slice))),
    )) {
      if (service === API) this.#tell(CLUSTER);
      else if (isExposed(this.#services.get(service))) this.#tell(service);
    }
  }

  #noteAnnouncer(status: ServiceL2Status | undefined): void {
    for (const owner of status === undefined ? [] : announcedBy(status)) this.#tell(owner);
  }

  #tell(owner: string): void {
    for (const key of this.#keysOf(owner)) this.#options.changed(key);
  }
}

/** The Service by which the API is found. */
const API = 'default/kubernetes';

/** Whether it may have ports at the nodes' own addresses. */
const isExposed = (service: Service | undefined): boolean =>
  service?.spec?.type === 'NodePort' || service?.spec?.type === 'LoadBalancer';

/** What of a Service decides what is tried. */
const essence = ({ metadata, spec }: Service): readonly unknown[] => [metadata.annotations, spec];

const serviceOf = ({ metadata }: EndpointSlice): readonly string[] => {
  const name = metadata.labels?.[SERVICE_NAME_LABEL];
  return name === undefined ? [] : [keyText({ namespace: metadata.namespace ?? '', name })];
};

const announcedBy = ({ status }: ServiceL2Status): readonly string[] => {
  const { serviceNamespace: namespace, serviceName: name } = status ?? {};
  return namespace === undefined || name === undefined ? [] : [keyText({ namespace, name })];
};

/** The nodes on which somebody answers, and the ports: not each endpoint of thousands. */
function placesOf({ endpoints, ports }: EndpointSlice): readonly unknown[] {
  const ready = endpoints.filter(({ conditions }) => conditions?.ready !== false);
  return [[...new Set(ready.map(({ nodeName }) => nodeName))].sort(), ports];
}
