/** The API servers of a cluster as a process knows them: which there are, which one is used, and with which credentials. */
import { type Clock, systemClock } from '../host/clock.ts';
import { minutes, seconds } from '../lib/duration.ts';
import type { Endpoint } from './client.ts';
import {
  addressesOf,
  isLookedUp,
  type LookUp,
  printServer,
  type ServerAddress,
  systemLookUp,
} from './server-address.ts';
import { TokenFile } from './token-file.ts';

/** A server that failed is not chosen for so long, unless all have failed. */
const AVOIDED = seconds(10);
/** Names are looked up again, when a server failed, after so long. */
const STALE = seconds(5);
/** How long a client that is to spread stays away from the server that it had chosen at first, and up to twice as long. */
const AWAY = minutes(5);
/** Up to 2^5 times that, some hours. */
const AWAY_DOUBLED_MAX = 5;
/** More servers than any cluster has. What somebody tells us of is not to fill memory. */
const SERVERS_MAX = 32;

/** What proves who we are; PEM texts. */
export type Credentials = Pick<Endpoint, 'clientCertificate' | 'clientKey' | 'token' | 'tokenFile'>;

export interface ApiServersOptions {
  readonly clock?: Clock;
  /** In [0, 1), as Math.random. */
  readonly random?: () => number;
  readonly lookUp?: LookUp;
  /** Begin with any server rather than with the first, so that many clients spread over all. Default: false. */
  readonly spread?: boolean;
}

/** A server that was chosen. The same object until something about it changes. */
export interface ChosenServer {
  /** Of this server alone. */
  readonly endpoint: Endpoint;
  /** For messages. */
  readonly name: string;
}

/** Knows the servers; connects to none. Its parts: a client, which chooses one and says when it fails, and whoever learns of more. */
export class ApiServers {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #lookUp: LookUp;
  readonly #spread: boolean;
  readonly #failedAt = new Map<string, number>();
  readonly #listeners = new Set<() => void>();
  #endpoint: Endpoint;
  #tokenFile: TokenFile | undefined;
  #learned: readonly string[] = [];
  #known: readonly ServerAddress[];
  /** When names were looked up; undefined: they have to be. */
  #lookedUpAt: number | undefined;
  /** The name of the server in use. */
  #current: string | undefined;
  #chosen: ChosenServer | undefined;
  /** What a client that is to spread began with, and when it may go back there. */
  #home: string | undefined;
  #homeAt = 0;
  /** How often in a row it failed soon after it was chosen. */
  #homeFailures = 0;
  #currentSince = 0;

  constructor(endpoint: Endpoint, options: ApiServersOptions = {}) {
    this.#endpoint = endpoint;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#lookUp = options.lookUp ?? systemLookUp;
    this.#spread = options.spread ?? false;
    this.#tokenFile = tokenFileOf(endpoint);
    this.#known = this.#named().map((url) => ({ url, address: undefined }));
  }

  /** Whether there is another server to go to. */
  get several(): boolean {
    return this.#known.length > 1;
  }

  get count(): number {
    return this.#known.length;
  }

  /** URLs of all servers: those that were configured, then those learned of. */
  get urls(): readonly string[] {
    return this.#named();
  }

  /** The URL of the server in use; undefined before one was chosen. */
  get inUse(): string | undefined {
    return this.#chosen?.endpoint.server;
  }

  /** The bearer token to show now, if one is to be shown. */
  async token(): Promise<string | undefined> {
    return (await this.#tokenFile?.token()) ?? this.#endpoint.token;
  }

  /** The server refused the token: the file's next one is read anew. */
  tokenRefused(): void {
    this.#tokenFile?.refused();
  }

  /** The server to use: the same one until it fails. */
  async choose(): Promise<ChosenServer> {
    if (this.#lookedUpAt === undefined) await this.#look();
    const name = this.#nameToUse();
    if (this.#current !== name) this.#currentSince = this.#clock.steady();
    this.#current = name;
    if (this.#chosen?.name !== name) {
      const server = this.#known.find((known) => printServer(known) === name) ?? { url: name, address: undefined };
      this.#chosen = { endpoint: this.#endpointOf(server), name };
    }
    return this.#chosen;
  }

  /** It could not be reached, has fallen silent, or cannot serve: another one is chosen next, if there is one. */
  failed({ name }: ChosenServer): void {
    this.#failedAt.set(name, this.#clock.steady());
    if (this.#current === name) this.#current = undefined;
    if (name === this.#home) this.#stayAway();
    if (this.#lookedUpAt !== undefined && this.#clock.steady() - this.#lookedUpAt > STALE) this.#forgetAddresses();
  }

  /** Whether a server that did not fail lately is left besides this one. */
  hasBetterThan({ name }: ChosenServer): boolean {
    return this.#known.some((known) => printServer(known) !== name && !this.#isAvoided(printServer(known)));
  }

  /** Every server, each as an endpoint of its own, with the credentials of now. */
  all(): readonly Endpoint[] {
    return this.#known.map((server) => this.#endpointOf(server));
  }

  /** Tells which servers there are besides those that were configured, which stay known. Those of the last time are forgotten. */
  learn(urls: readonly string[]): void {
    // What has its own way to the server is told that way, and no other.
    if (this.#endpoint.socketPath !== undefined) return;
    const learned = [...new Set(urls)].filter((url) => URL.canParse(url)).slice(0, SERVERS_MAX);
    if (learned.join(' ') === this.#learned.join(' ')) return;
    this.#learned = learned;
    const before = this.#known;
    const named = this.#named();
    const isNew = (url: string) => !before.some((known) => known.url === url);
    this.#know([
      ...before.filter(({ url }) => named.includes(url)),
      ...named.filter(isNew).map((url) => ({ url, address: undefined })),
    ]);
    for (const url of learned.filter(isNew)) this.#mayMoveTo(url);
    this.#forgetAddresses();
  }

  /** New credentials, for all connections that are made from now on. What is under way comes to its end with the old ones. */
  renew(credentials: Credentials): void {
    const { server, otherServers, socketPath, caData, connectTo } = this.#endpoint;
    this.#endpoint = without({ server, otherServers, socketPath, caData, connectTo, ...credentials });
    this.#tokenFile = tokenFileOf(this.#endpoint);
    this.#chosen = undefined;
    this.#tell();
  }

  /** Calls back whenever {@link all} answers otherwise than before, until what is returned is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** From a server that was never any good for long, as one that is not reached from here, for longer each time. */
  #stayAway(): void {
    const now = this.#clock.steady();
    this.#homeFailures = now - this.#currentSince > AWAY ? 0 : Math.min(this.#homeFailures + 1, AWAY_DOUBLED_MAX);
    this.#homeAt = now + AWAY * 2 ** this.#homeFailures * (1 + this.#random());
  }

  /** Of those who spread, a new server gets its share, one after the other. */
  #mayMoveTo(name: string): void {
    if (!this.#spread || this.#random() >= 1 / this.count) return;
    this.#home = name;
    this.#homeAt = this.#clock.steady() + AWAY * this.#random();
  }

  #named(): readonly string[] {
    const { server, otherServers = [] } = this.#endpoint;
    return [...new Set([server, ...otherServers, ...this.#learned])];
  }

  async #look(): Promise<void> {
    const named = this.#named();
    this.#lookedUpAt = this.#clock.steady();
    if (this.#endpoint.socketPath !== undefined || !named.some(isLookedUp)) return;
    const found = await Promise.all(named.map((url) => addressesOf(url, this.#lookUp)));
    // Somebody may have learned of servers meanwhile: the next to choose looks again.
    if (named.join(' ') === this.#named().join(' ')) this.#know(found.flat().slice(0, SERVERS_MAX));
  }

  #forgetAddresses(): void {
    if (this.#named().some(isLookedUp)) this.#lookedUpAt = undefined;
  }

  #know(servers: readonly ServerAddress[]): void {
    const keys = servers.map(printServer);
    if (keys.join() === this.#known.map(printServer).join()) return;
    this.#known = servers;
    for (const key of this.#failedAt.keys()) if (!keys.includes(key)) this.#failedAt.delete(key);
    if (this.#home !== undefined && !keys.includes(this.#home)) this.#home = undefined;
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #nameToUse(): string {
    const names = this.#known.map(printServer);
    const well = names.filter((name) => !this.#isAvoided(name));
    const home = this.#home;
    if (home !== undefined && well.includes(home) && this.#clock.steady() >= this.#homeAt) return home;
    if (this.#current !== undefined && names.includes(this.#current)) return this.#current;
    const chosen = this.#spread ? well[Math.floor(this.#random() * well.length)] : well[0];
    if (this.#spread) this.#home ??= chosen;
    // All have failed: the one that had the longest time to come back.
    return chosen ?? names.toSorted((a, b) => this.#failure(a) - this.#failure(b))[0] ?? this.#endpoint.server;
  }

  #failure(name: string): number {
    return this.#failedAt.get(name) ?? Number.NEGATIVE_INFINITY;
  }

  #isAvoided(name: string): boolean {
    return this.#clock.steady() - this.#failure(name) < AVOIDED;
  }

  #endpointOf({ url, address }: ServerAddress): Endpoint {
    const { otherServers: _, connectTo, ...rest } = this.#endpoint;
    const to = address ?? connectTo;
    return { ...rest, server: url, ...(to === undefined ? {} : { connectTo: to }) };
  }
}

function tokenFileOf({ tokenFile }: Endpoint): TokenFile | undefined {
  return tokenFile === undefined ? undefined : new TokenFile(tokenFile);
}

/** The same without the fields that are undefined. */
function without(endpoint: { readonly [K in keyof Endpoint]: Endpoint[K] | undefined }): Endpoint {
  return Object.fromEntries(Object.entries(endpoint).filter(([, value]) => value !== undefined)) as unknown as Endpoint;
}
