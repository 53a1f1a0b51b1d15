/**
 * Keeps the ways to the other nodes' guests in line with the Node objects. All at once to begin with and when this node's own place
 * changes; a change of another node costs what that one node does.
 */
import { isDeepStrictEqual } from 'node:util';
import { Node } from '../../api/core/v1/node.ts';
import type { Client } from '../../client/client.ts';
import { runController } from '../../client/controller.ts';
import type { Informer } from '../../client/informer.ts';
import { Informers } from '../../client/informers.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import type { Clock } from '../../host/clock.ts';
import type { LinkChange, OpenLinkWatch } from '../../host/link-watch.ts';
import type { Logger } from '../../host/log.ts';
import { type Pace, paced } from '../../host/paced.ts';
import type { RunCommand } from '../../host/process.ts';
import { seconds } from '../../lib/duration.ts';
import { type CIDR, printIP } from '../../lib/ip.ts';
import { Overlay } from '../vxlan/overlay.ts';
import { VXLAN_DEVICES } from '../vxlan/vtep.ts';
import { applyWays, readWays } from './apply.ts';
import { Claims } from './claims.ts';
import {
  desiredPath,
  lanAddresses,
  NO_PATH,
  type Path,
  type Place,
  type PodNetworkMode,
  type Tunnel,
} from './desired.ts';
import { countsOf, diffWays, isChange, unmadePaths, waysOf } from './diff.ts';
import { Disagreement } from './disagreement.ts';
import { News } from './news.ts';
import { readMTU, readOnLink } from './on-link.ts';

export interface RouteOptions {
  readonly client: Client;
  /** Shared with other parts of the process, to end with them. Default: our own. */
  readonly informers?: Informers;
  readonly nodeName: string;
  readonly podCIDRs: readonly CIDR[];
  /** Prefixes of all nodes' pods, outside of which no node has any. Default: any prefix. */
  readonly clusterCIDRs?: readonly CIDR[];
  readonly lanInterface?: string;
  readonly mode: PodNetworkMode;
  /** UDP port of VXLAN. */
  readonly vxlanPort: number;
  /** Tells of the machine's interfaces: when the LAN's changes, the kernel forgets routes. */
  readonly watchLinks: OpenLinkWatch;
  /** Called when {@link NodeRoutes.mtu} has changed. */
  readonly mtuChanged: () => void;
  readonly clock: Clock;
  readonly log: Logger;
  readonly run: RunCommand;
}

/** The key of everything; no node has this name. */
const ALL = '';
/** How long an interface has to keep quiet. */
const SETTLE = seconds(0.5);
/** How long routes stay away that somebody else removed. */
const LOOK_EVERY = seconds(60);
/** Nodes that one message names. */
const NAMED = 10;

export class NodeRoutes {
  /** Resolves when all that the API said at first was tried, also when some of it failed and is tried again. */
  readonly synced: Promise<void>;
  readonly #options: RouteOptions;
  readonly #nodes: Informer<Node>;
  readonly #informers: Informers;
  readonly #queue: WorkQueue;
  readonly #news = new News();
  readonly #claims: Claims;
  readonly #disagreement: Disagreement;
  readonly #overlay: Overlay;
  /** Worked out for nodes as they are now, from the place as it is now. */
  readonly #paths = new Map<string, Path>();
  /** What the kernel has for each node, as far as we put it there. */
  readonly #applied = new Map<string, Path>();
  /** What was said of each node that cannot be reached. */
  readonly #said = new Map<string, string>();
  #place: Place;
  #lanMTU: number | undefined;
  #mtu: number | undefined;
  #markSynced: () => void = () => {};

  constructor(options: RouteOptions) {
    this.#options = options;
    const {
      informers = new Informers(options),
      podCIDRs,
      clusterCIDRs = [],
      clock,
      mode,
      vxlanPort: port,
      run,
    } = options;
    this.#informers = informers;
    this.#nodes = informers.of(Node);
    this.#queue = new WorkQueue({ clock });
    this.#claims = new Claims(podCIDRs, clusterCIDRs);
    this.#disagreement = new Disagreement({ ...options, settings: { mode, vxlanPort: port, clusterCIDRs } });
    this.#overlay = new Overlay({ podCIDRs, port, run });
    this.#place = { mode, addresses: [], primary: podCIDRs[0]?.base.family ?? 'IPv4', onLink: [] };
    this.synced = new Promise((resolve) => {
      this.#markSynced = resolve;
    });
  }

  /** Bytes that packets of pods may have at most to reach every node; undefined: not known. */
  get mtu(): number | undefined {
    const isWithin = this.#place.mode === 'vxlan' || this.#overlay.families.length > 0;
    return isWithin ? this.#overlay.mtu : this.#lanMTU;
  }

  /** Runs until the signal is aborted. What is in the kernel stays then. */
  async run(signal: AbortSignal): Promise<void> {
    const { nodeName, log, clock, watchLinks } = this.#options;
    void this.#informers.start(signal);
    await this.#nodes.synced;
    let isSynced = false;
    this.#nodes.onChange(({ key, object, previous }) => {
      this.#news.add(key);
      if (isSynced && key === nodeName && sameAddresses(object, previous)) return;
      if (isSynced) this.#queue.add(key === nodeName ? ALL : key);
    });
    isSynced = true;
    this.#queue.add(ALL);
    const links = watchLinks(log, signal).then((watch) => watch.onChange((change) => this.#onLink(change)));
    links.catch((err: unknown) => {
      if (!signal.aborted)
        log.warn({ err }, 'cannot watch network interfaces: routes that go with one are put back late');
    });
    void this.#look(clock, signal);
    const reconcile = (key: string) => (key === ALL ? this.#sync().finally(this.#markSynced) : this.#reconcile(key));
    await runController({ name: 'routes', queue: this.#queue, reconcile, workers: 1, log }, signal);
  }

  /** Puts the rules in place again, whatever is there of them. */
  async restoreRules(): Promise<void> {
    if (this.#place.mode !== 'direct') await this.#overlay.restoreRules();
  }

  #onLink({ name, link, previous }: LinkChange): void {
    const isOurs = this.#overlay.families.some((family) => VXLAN_DEVICES[family] === name);
    // What happens to ours is our doing, unless it goes.
    const isNews = isOurs ? link === undefined : name === this.#options.lanInterface;
    if (isNews && !isDeepStrictEqual(link, previous)) this.#queue.addAfter(ALL, SETTLE);
  }

  async #look(clock: Clock, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(LOOK_EVERY, signal).catch(() => undefined);
      if (!signal.aborted && this.#applied.size > 0) this.#queue.add(ALL);
    }
  }

  /** Everything, from what the kernel has: in few steps, which go on after one that fails. */
  async #sync(): Promise<void> {
    const { lanInterface, log, run } = this.#options;
    const pace = paced();
    await this.#hear(pace);
    await this.#findPlace();
    const names = this.#nodes
      .list()
      .flatMap(({ metadata: { name = '' } }) => (name === this.#options.nodeName ? [] : name));
    const paths = new Map<string, Path>();
    for (const name of names) {
      paths.set(name, this.#pathTo(name));
      await pace();
    }
    const failure = await this.#setUpOverlay(paths);
    const actual = await readWays(lanInterface, run);
    const changes = await diffWays(actual, waysOf([...paths.values()]), pace);
    await applyWays(changes, lanInterface, run, { force: true });
    const missing = isChange(changes)
      ? await unmadePaths(paths, await readWays(lanInterface, run), pace)
      : new Set<string>();
    this.#applied.clear();
    for (const [name, path] of paths) this.#applied.set(name, missing.has(name) ? NO_PATH : path);
    // One by one: what is wrong is said of the node that it is wrong for. Where no device can be made, once is enough.
    for (const name of failure === undefined ? missing : []) this.#queue.add(name);
    if (isChange(changes))
      log.info({ nodes: paths.size, changes: countsOf(changes) }, 'ways to other nodes put in place');
    this.#tellMTU();
    this.#disagreement.tell();
    if (failure !== undefined) throw failure;
  }

  /** What cannot be made keeps nothing else from being: the failure is returned. */
  async #setUpOverlay(paths: ReadonlyMap<string, Path>): Promise<unknown> {
    const { addresses, mode } = this.#place;
    if (mode === 'direct') return undefined;
    const tunnels = new Map<string, Tunnel>();
    for (const [name, { tunnel }] of paths) if (tunnel !== undefined) tunnels.set(name, tunnel);
    const needed = new Set([...tunnels.values()].map(({ device }) => device));
    const families = addresses.map(({ family }) => family).filter((family) => needed.has(VXLAN_DEVICES[family]));
    // Whom to believe first: what a device lets in is looked at from its first packet on.
    await this.#overlay.admitAll(tunnels);
    return this.#overlay.setUp({ addresses, mtu: this.#lanMTU }, families).then(
      () => undefined,
      (error: unknown) => error,
    );
  }

  async #reconcile(name: string): Promise<void> {
    const { lanInterface, log, run } = this.#options;
    const pace = paced();
    await this.#hear(pace);
    const before = this.#applied.get(name) ?? NO_PATH;
    const after = this.#pathTo(name);
    if (after.tunnel !== undefined) {
      await this.#overlay.prepare(after.tunnel);
      await this.#overlay.admit(name, after.tunnel);
    }
    const changes = await diffWays(waysOf([before]), waysOf([after]), pace);
    if (isChange(changes)) {
      // Known as applied only once it succeeded: all of it may be repeated.
      await applyWays(changes, lanInterface, run);
      log.info({ node: name, changes }, 'the way to a node changed');
    }
    if (this.#nodes.get(name) === undefined) this.#applied.delete(name);
    else this.#applied.set(name, after);
    if (before.tunnel !== undefined && after.tunnel === undefined) {
      await this.#overlay.admit(name, undefined);
      await this.#overlay.removeUnneeded();
    }
    this.#tellMTU();
    this.#disagreement.tell();
  }

  /** Takes note of what nodes say by now. */
  #hear(pace: Pace): Promise<void> {
    const { nodeName } = this.#options;
    return this.#news.each((name) => {
      const node = this.#nodes.get(name);
      this.#disagreement.set(name, node);
      if (name === nodeName) return;
      this.#paths.delete(name);
      for (const other of this.#claims.set(name, node)) {
        this.#paths.delete(other);
        this.#queue.add(other);
      }
    }, pace);
  }

  #pathTo(name: string): Path {
    const known = this.#paths.get(name);
    if (known !== undefined) return known;
    const node = this.#nodes.get(name);
    const { prefixes, refused } = this.#claims.of(name);
    const path = node === undefined ? NO_PATH : desiredPath(node, prefixes, this.#place);
    const missing = prefixes.length - path.routes.length;
    const lacks = missing === 0 || this.#place.mode === 'direct' ? [] : [{ why: NO_COMMON_FAMILY }];
    this.#say(name, [...refused, ...lacks]);
    if (node !== undefined) this.#paths.set(name, path);
    return path;
  }

  /** Once, until it is different. */
  #say(node: string, reasons: readonly object[]): void {
    const text = reasons.length === 0 ? '' : JSON.stringify(reasons);
    if (text === (this.#said.get(node) ?? '')) return;
    if (text === '') this.#said.delete(node);
    else {
      this.#said.set(node, text);
      this.#options.log.warn({ node, reasons: reasons.slice(0, NAMED) }, 'pods of a node cannot be reached');
    }
  }

  async #findPlace(): Promise<void> {
    const { nodeName, lanInterface, run, podCIDRs } = this.#options;
    const self = this.#nodes.get(nodeName);
    const addresses = self === undefined ? [] : lanAddresses(self);
    const primary = podCIDRs[0]?.base.family ?? 'IPv4';
    const onLink = await readOnLink(lanInterface, run);
    this.#lanMTU = lanInterface === undefined ? undefined : await readMTU(lanInterface, run);
    const place = { ...this.#place, addresses, primary, onLink };
    if (!isDeepStrictEqual(place, this.#place)) this.#paths.clear();
    this.#place = place;
  }

  #tellMTU(): void {
    if (this.mtu === this.#mtu) return;
    this.#mtu = this.mtu;
    this.#options.mtuChanged();
  }
}

const NO_COMMON_FAMILY = 'it has no address of a family that this node has one of';

const sameAddresses = (a: Node | undefined, b: Node | undefined): boolean =>
  isDeepStrictEqual(
    a === undefined ? [] : lanAddresses(a).map(printIP),
    b === undefined ? [] : lanAddresses(b).map(printIP),
  );
