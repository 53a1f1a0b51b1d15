/** firewalld's D-Bus interface, as far as it is used: https://firewalld.org/documentation/man-pages/firewalld.dbus.html */
import { type Bus, DBUS, openSystemBus } from './bus.ts';
import { ask, CONFIG, CONFIG_PATH, isRecord, NAME, PATH, PROPERTIES, pairs, strings, variants } from './objects.ts';
import { PermanentRules, type RichRules, RuntimeRules } from './rich-rules.ts';

/** Rules that are tried together: a zone's or a policy's. */
export interface Ruleset {
  readonly kind: 'zone' | 'policy';
  readonly name: string;
  /** What becomes of the rest: `ACCEPT`, `DROP`, `%%REJECT%%`, `default` (of zones: refused) or `CONTINUE` (of policies). */
  readonly target: string;
  readonly services: readonly string[];
  /** Port or range, and protocol. */
  readonly ports: readonly (readonly [string, string])[];
  readonly protocols: readonly string[];
  readonly richRules: readonly string[];
  /** Of a zone: whether it forwards between its own interfaces. */
  readonly forward: boolean;
  /** Of a policy: negative ones come before zones, others after. */
  readonly priority: number;
  readonly ingressZones: readonly string[];
  readonly egressZones: readonly string[];
}

/** Who comes by a zone. */
export interface ZoneMembers {
  /** Those that were put there; a `+` at the end is any end of a name. */
  readonly interfaces: readonly string[];
  /** Addresses, prefixes, MAC addresses, and ipsets as `ipset:NAME`. */
  readonly sources: readonly string[];
}

/** What firewalld means by a service. */
export interface ServiceDefinition {
  readonly ports: readonly (readonly [string, string])[];
  readonly protocols: readonly string[];
  /** Other services that it brings with it. */
  readonly includes: readonly string[];
  /** Whether it is for certain destinations only. */
  readonly hasDestinations: boolean;
}

export class FirewallD1 {
  readonly bus: Bus;
  readonly runtime: RichRules;
  readonly permanent: RichRules;

  constructor(bus: Bus) {
    this.bus = bus;
    this.runtime = new RuntimeRules(bus);
    this.permanent = new PermanentRules(bus);
  }

  static async connect(): Promise<FirewallD1> {
    return new FirewallD1(await openSystemBus());
  }

  /** Whether firewalld is on the bus. It is not started by being asked. */
  async runs(): Promise<boolean> {
    const [has] = await this.bus.call({ ...DBUS, member: 'NameHasOwner', signature: 's', body: [NAME] });
    return has === true;
  }

  /** Has its signals, and its coming and going, delivered. */
  async subscribe(): Promise<void> {
    await this.bus.subscribe(`type='signal',sender='${NAME}',path='${PATH}'`);
    await this.bus.subscribe(`type='signal',sender='${DBUS.destination}',member='NameOwnerChanged',arg0='${NAME}'`);
  }

  async isPanicking(): Promise<boolean> {
    return (await ask(this.bus, NAME, 'queryPanicMode'))[0] === true;
  }

  /** The zone that judges what comes in by an interface. */
  async zoneOfInterface(name: string): Promise<string> {
    return (await this.assignedZone(name)) ?? this.defaultZone();
  }

  /** The zone that an interface was put into; undefined of one that is in the default zone for want of another. */
  async assignedZone(name: string): Promise<string | undefined> {
    const [zone] = await ask(this.bus, `${NAME}.zone`, 'getZoneOfInterface', name);
    if (zone !== '' && zone !== undefined) return String(zone);
    // Of beginnings of names firewalld tells the kernel, and not whoever asks.
    const begins = (one: string) => one.endsWith('+') && name.startsWith(one.slice(0, -1));
    for (const [active, { interfaces }] of await this.activeZones()) if (interfaces.some(begins)) return active;
    return undefined;
  }

  /** The zones that have interfaces or sources. */
  async activeZones(): Promise<ReadonlyMap<string, ZoneMembers>> {
    const [active] = await ask(this.bus, `${NAME}.zone`, 'getActiveZones');
    return new Map(
      Object.entries(isRecord(active) ? active : {}).map(([name, members]) => {
        const { interfaces, sources } = isRecord(members) ? members : {};
        return [name, { interfaces: strings(interfaces), sources: strings(sources) }];
      }),
    );
  }

  async interfacesOf(zone: string): Promise<readonly string[]> {
    return strings((await ask(this.bus, `${NAME}.zone`, 'getInterfaces', zone))[0]);
  }

  /** Now; not after a reload. */
  async addInterface(zone: string, name: string): Promise<void> {
    await ask(this.bus, `${NAME}.zone`, 'addInterface', zone, name);
  }

  /** The same. */
  async removeInterface(zone: string, name: string): Promise<void> {
    await ask(this.bus, `${NAME}.zone`, 'removeInterface', zone, name);
  }

  /** Puts its permanent configuration in force, in place of all else but which zones interfaces are in. */
  async reload(): Promise<void> {
    await ask(this.bus, NAME, 'reload');
  }

  async defaultZone(): Promise<string> {
    return String((await ask(this.bus, NAME, 'getDefaultZone'))[0]);
  }

  /** Whether forwarding of translated packets needs a permission of its own. Versions before 2.3 know no such thing. */
  async isForwardingStrict(): Promise<boolean> {
    const call = { destination: NAME, path: CONFIG_PATH, interface: PROPERTIES, member: 'GetAll' };
    const [all] = await this.bus.call({ ...call, signature: 's', body: [CONFIG] });
    return ['yes', 'true'].includes(String(variants(all)['StrictForwardPorts']).toLowerCase());
  }

  async zone(name: string): Promise<Ruleset> {
    const [settings] = await ask(this.bus, `${NAME}.zone`, 'getZoneSettings2', name);
    return ruleset('zone', name, variants(settings));
  }

  /** Every policy that is in force. */
  async policies(): Promise<readonly Ruleset[]> {
    const [active] = await ask(this.bus, `${NAME}.policy`, 'getActivePolicies');
    return Promise.all(
      Object.keys(isRecord(active) ? active : {}).map(async (name) => {
        const [settings] = await ask(this.bus, `${NAME}.policy`, 'getPolicySettings', name);
        return ruleset('policy', name, variants(settings));
      }),
    );
  }

  async service(name: string): Promise<ServiceDefinition> {
    const [settings] = await ask(this.bus, NAME, 'getServiceSettings2', name);
    const { ports, protocols, includes, destination } = variants(settings);
    return {
      ports: pairs(ports),
      protocols: strings(protocols),
      includes: strings(includes),
      hasDestinations: isRecord(destination) && Object.keys(destination).length > 0,
    };
  }
}

function ruleset(kind: 'zone' | 'policy', name: string, settings: Readonly<Record<string, unknown>>): Ruleset {
  return {
    kind,
    name,
    target: String(settings['target'] ?? 'default'),
    services: strings(settings['services']),
    ports: pairs(settings['ports']),
    protocols: strings(settings['protocols']),
    richRules: strings(settings[kind === 'zone' ? 'rules_str' : 'rich_rules']),
    forward: settings['forward'] === true,
    priority: Number(settings['priority'] ?? 0),
    ingressZones: strings(settings['ingress_zones']),
    egressZones: strings(settings['egress_zones']),
  };
}
