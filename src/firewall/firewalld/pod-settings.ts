/** Zones, policies and ipsets of firewalld's, on the bus: made, removed, and asked what is in force. */
import type { Bus } from './bus.ts';
import { ask, CONFIG, CONFIG_PATH, CONFIG_ZONE, NAME, PATH, PROPERTIES, strings, variants } from './objects.ts';
import type { IPSetSettings, PolicySettings, ZoneSettings } from './pod-objects.ts';

/** Kinds of objects that have a permanent configuration, and the words for them in names of methods. */
const KINDS = {
  zone: { word: 'Zone', names: 'getZoneNames', list: 'getZones', now: 'getZoneSettings2', runtime: `${NAME}.zone` },
  policy: {
    word: 'Policy',
    names: 'getPolicyNames',
    list: 'getPolicies',
    now: 'getPolicySettings',
    runtime: `${NAME}.policy`,
  },
  ipset: {
    word: 'IPSet',
    names: 'getIPSetNames',
    list: 'getIPSets',
    now: 'getIPSetSettings',
    runtime: `${NAME}.ipset`,
  },
} as const;
export type Kind = keyof typeof KINDS;

/** As they apply now, and as they apply after a reload; undefined where there is no such object. */
export interface Settings {
  readonly now: unknown;
  readonly later: unknown;
}

export class PodSettings {
  readonly #bus: Bus;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  /** Names of objects of a kind that apply now. */
  async inForce(kind: Kind): Promise<readonly string[]> {
    return strings((await ask(this.#bus, KINDS[kind].runtime, KINDS[kind].list))[0]);
  }

  /** Names of those that apply after a reload. */
  async permanent(kind: Kind): Promise<readonly string[]> {
    return strings((await this.#config(KINDS[kind].names))[0]);
  }

  async addZone(name: string, { interfaces, ports }: ZoneSettings): Promise<void> {
    const { Variant } = await import('@jellybrick/dbus-next');
    const settings = {
      interfaces: new Variant('as', [...interfaces]),
      ports: new Variant(
        'a(ss)',
        ports.map((pair) => [...pair]),
      ),
    };
    await this.#config('addZone2', 'sa{sv}', name, settings);
  }

  async addPolicy(name: string, { ingressZones, egressZones, richRules }: PolicySettings): Promise<void> {
    const { Variant } = await import('@jellybrick/dbus-next');
    const settings = {
      ingress_zones: new Variant('as', [...ingressZones]),
      egress_zones: new Variant('as', [...egressZones]),
      rich_rules: new Variant('as', [...richRules]),
      priority: new Variant('i', -1),
      target: new Variant('s', 'CONTINUE'),
    };
    await this.#config('addPolicy', 'sa{sv}', name, settings);
  }

  async addIPSet(name: string, { family, entries }: IPSetSettings): Promise<void> {
    const options = family === 'IPv6' ? { family: 'inet6' } : {};
    await this.#config('addIPSet', 's(ssssa{ss}as)', name, ['', '', '', 'hash:net', options, [...entries]]);
  }

  /** From the permanent configuration; what applies now stays until a reload. */
  async remove(kind: Kind, name: string): Promise<void> {
    await this.#bus.call({ ...(await this.#object(kind, name)), member: 'remove' });
  }

  async entries(ipset: string): Promise<readonly string[]> {
    return strings((await ask(this.#bus, KINDS.ipset.runtime, 'getEntries', ipset))[0]);
  }

  async permanentEntries(ipset: string): Promise<readonly string[]> {
    return strings((await this.#bus.call({ ...(await this.#object('ipset', ipset)), member: 'getEntries' }))[0]);
  }

  /** Now. */
  async setEntries(ipset: string, entries: readonly string[]): Promise<void> {
    const call = {
      destination: NAME,
      path: PATH,
      interface: KINDS.ipset.runtime,
      member: 'setEntries',
      signature: 'sas',
      body: [ipset, [...entries]],
    };
    await this.#bus.call(call);
  }

  async setPermanentEntries(ipset: string, entries: readonly string[]): Promise<void> {
    const object = await this.#object('ipset', ipset);
    await this.#bus.call({ ...object, member: 'setEntries', signature: 'as', body: [[...entries]] });
  }

  /** Every setting of a kind's objects, as they apply now and as they apply after a reload: by name. */
  async settings(kind: Kind): Promise<ReadonlyMap<string, Settings>> {
    const [inForce, permanent] = [new Set(await this.inForce(kind)), new Set(await this.permanent(kind))];
    const found = new Map<string, Settings>();
    for (const name of inForce.union(permanent)) {
      const now = inForce.has(name) ? (await ask(this.#bus, KINDS[kind].runtime, KINDS[kind].now, name))[0] : undefined;
      found.set(name, { now, later: permanent.has(name) ? await this.#later(kind, name) : undefined });
    }
    return found;
  }

  /** The same of one service that both have. */
  async serviceSettings(name: string): Promise<Settings> {
    const [now] = await ask(this.#bus, NAME, 'getServiceSettings2', name);
    return { now, later: await this.#later('service', name) };
  }

  /** What is told to iptables directly. */
  async directSettings(): Promise<Settings> {
    const members = ['getAllChains', 'getAllRules', 'getAllPassthroughs'];
    const now = await Promise.all(members.map(async (member) => (await ask(this.#bus, `${NAME}.direct`, member))[0]));
    const call = { destination: NAME, path: CONFIG_PATH, interface: `${CONFIG}.direct`, member: 'getSettings' };
    return { now, later: (await this.#bus.call(call))[0] };
  }

  /** What firewalld.conf says, by the names that it has there. */
  async conf(): Promise<Readonly<Record<string, unknown>>> {
    const call = { destination: NAME, path: CONFIG_PATH, interface: PROPERTIES, member: 'GetAll', signature: 's' };
    return variants((await this.#bus.call({ ...call, body: [CONFIG] }))[0]);
  }

  async #later(kind: Kind | 'service', name: string): Promise<unknown> {
    const member = kind === 'zone' || kind === 'service' ? 'getSettings2' : 'getSettings';
    return (await this.#bus.call({ ...(await this.#object(kind, name)), member }))[0];
  }

  async #config(member: string, signature?: string, ...body: readonly unknown[]): Promise<readonly unknown[]> {
    const call = { destination: NAME, path: CONFIG_PATH, interface: CONFIG, member };
    return this.#bus.call(signature === undefined ? call : { ...call, signature, body });
  }

  /** Paths may change with every reload. */
  async #object(
    kind: Kind | 'service',
    name: string,
  ): Promise<{ destination: string; path: string; interface: string }> {
    const [path] = await this.#config(`get${kind === 'service' ? 'Service' : KINDS[kind].word}ByName`, 's', name);
    return { destination: NAME, path: String(path), interface: kind === 'zone' ? CONFIG_ZONE : `${CONFIG}.${kind}` };
  }
}
