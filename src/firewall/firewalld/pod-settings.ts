/** Zones, policies and ipsets of firewalld's, on the bus: made, removed, and asked what is in force. */
import type { Bus } from './bus.ts';
import { ask, CONFIG, CONFIG_PATH, CONFIG_ZONE, NAME, PATH, strings } from './objects.ts';
import type { IPSetSettings, PolicySettings, ZoneSettings } from './pod-objects.ts';

/** Kinds of objects that have a permanent configuration, and the words for them in names of methods. */
const KINDS = {
  zone: { word: 'Zone', names: 'getZoneNames', list: 'getZones', runtime: `${NAME}.zone` },
  policy: { word: 'Policy', names: 'getPolicyNames', list: 'getPolicies', runtime: `${NAME}.policy` },
  ipset: { word: 'IPSet', names: 'getIPSetNames', list: 'getIPSets', runtime: `${NAME}.ipset` },
} as const;
export type Kind = keyof typeof KINDS;

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
  async settings(kind: 'zone' | 'policy'): Promise<ReadonlyMap<string, { now: unknown; later: unknown }>> {
    const { runtime: from } = KINDS[kind];
    const [now, later] = kind === 'zone' ? ['getZoneSettings2', 'getSettings2'] : ['getPolicySettings', 'getSettings'];
    const inForce = await this.inForce(kind);
    const permanent = await this.permanent(kind);
    const settingsOf = async (name: string) => ({
      now: inForce.includes(name) ? (await ask(this.#bus, from, now, name))[0] : undefined,
      later: permanent.includes(name)
        ? (await this.#bus.call({ ...(await this.#object(kind, name)), member: later }))[0]
        : undefined,
    });
    const names = [...new Set([...inForce, ...permanent])];
    return new Map(await Promise.all(names.map(async (name) => [name, await settingsOf(name)] as const)));
  }

  async #config(member: string, signature?: string, ...body: readonly unknown[]): Promise<readonly unknown[]> {
    const call = { destination: NAME, path: CONFIG_PATH, interface: CONFIG, member };
    return this.#bus.call(signature === undefined ? call : { ...call, signature, body });
  }

  /** Paths may change with every reload. */
  async #object(kind: Kind, name: string): Promise<{ destination: string; path: string; interface: string }> {
    const [path] = await this.#config(`get${KINDS[kind].word}ByName`, 's', name);
    return { destination: NAME, path: String(path), interface: kind === 'zone' ? CONFIG_ZONE : `${CONFIG}.${kind}` };
  }
}
