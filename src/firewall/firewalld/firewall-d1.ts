/** firewalld's D-Bus interface, as far as it is used: https://firewalld.org/documentation/man-pages/firewalld.dbus.html */
import { type Bus, BusError, DBUS, openSystemBus, type Signal } from './bus.ts';

const NAME = 'org.fedoraproject.FirewallD1';
const PATH = '/org/fedoraproject/FirewallD1';
const CONFIG_PATH = `${PATH}/config`;
const CONFIG = `${NAME}.config`;
const CONFIG_ZONE = `${CONFIG}.zone`;
const PROPERTIES = 'org.freedesktop.DBus.Properties';

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

/** What firewalld means by a service. */
export interface ServiceDefinition {
  readonly ports: readonly (readonly [string, string])[];
  readonly protocols: readonly string[];
  /** Other services that it brings with it. */
  readonly includes: readonly string[];
  /** Whether it is for certain destinations only. */
  readonly hasDestinations: boolean;
}

/** Rich rules of zones: those that apply now, or those that apply after firewalld's next start or reload. */
export interface RichRules {
  zones(): Promise<readonly string[]>;
  of(zone: string): Promise<readonly string[]>;
  /** Adds and removes, in this order. What is there, or away, already is passed over. */
  change(zone: string, added: readonly string[], removed: readonly string[]): Promise<void>;
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
    return zone === '' || zone === undefined ? undefined : String(zone);
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

class RuntimeRules implements RichRules {
  readonly #bus: Bus;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  async zones(): Promise<readonly string[]> {
    return strings((await ask(this.#bus, `${NAME}.zone`, 'getZones'))[0]);
  }

  async of(zone: string): Promise<readonly string[]> {
    return strings((await ask(this.#bus, `${NAME}.zone`, 'getRichRules', zone))[0]);
  }

  async change(zone: string, added: readonly string[], removed: readonly string[]): Promise<void> {
    const zones = { destination: NAME, path: PATH, interface: `${NAME}.zone` };
    for (const rule of added) {
      const call = { ...zones, member: 'addRichRule', signature: 'ssi', body: [zone, rule, 0] };
      await unless('ALREADY_ENABLED', this.#bus.call(call));
    }
    for (const rule of removed) {
      const call = { ...zones, member: 'removeRichRule', signature: 'ss', body: [zone, rule] };
      await unless('NOT_ENABLED', this.#bus.call(call));
    }
  }
}

/** As many rules of a permanent zone are changed one by one, which nobody else's change can get between. */
const FEW = 4;

class PermanentRules implements RichRules {
  readonly #bus: Bus;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  async zones(): Promise<readonly string[]> {
    const [names] = await this.#bus.call({
      ...{ destination: NAME, path: CONFIG_PATH, interface: CONFIG, member: 'getZoneNames' },
    });
    return strings(names);
  }

  async of(zone: string): Promise<readonly string[]> {
    return strings((await this.#bus.call({ ...(await this.#zone(zone)), member: 'getRichRules' }))[0]);
  }

  async change(zone: string, added: readonly string[], removed: readonly string[]): Promise<void> {
    if (added.length + removed.length === 0) return;
    if (added.length + removed.length <= FEW) return this.#changeEach(zone, added, removed);
    // firewalld writes a zone's whole file at every call: many rules go there by one.
    const { Variant } = await import('@jellybrick/dbus-next');
    const gone = new Set(removed);
    const rules = new Set([...(await this.of(zone)).filter((rule) => !gone.has(rule)), ...added]);
    const settings = { rules_str: new Variant('as', [...rules]) };
    await this.#bus.call({ ...(await this.#zone(zone)), member: 'update2', signature: 'a{sv}', body: [settings] });
  }

  async #changeEach(zone: string, added: readonly string[], removed: readonly string[]): Promise<void> {
    const object = await this.#zone(zone);
    for (const rule of added) {
      const call = { ...object, member: 'addRichRule', signature: 's', body: [rule] };
      await unless('ALREADY_ENABLED', this.#bus.call(call));
    }
    for (const rule of removed) {
      const call = { ...object, member: 'removeRichRule', signature: 's', body: [rule] };
      await unless('NOT_ENABLED', this.#bus.call(call));
    }
  }

  /** The object of a zone's permanent configuration. Its path may change with every reload. */
  async #zone(name: string): Promise<{ destination: string; path: string; interface: string }> {
    const call = { destination: NAME, path: CONFIG_PATH, interface: CONFIG, member: 'getZoneByName' };
    const [path] = await this.#bus.call({ ...call, signature: 's', body: [name] });
    return { destination: NAME, path: String(path), interface: CONFIG_ZONE };
  }
}

/** What a signal of the bus says of firewalld. */
export type Happening =
  /** It came, and has the rules of its permanent configuration. */
  | 'came'
  | 'went'
  /** What was in force may be so no more. */
  | 'changed'
  | { readonly kind: 'rule-removed'; readonly zone: string; readonly rule: string };

/** Signals after which rules may be gone, or have to be in another zone. */
const UPSETTING = new Set([
  ...['Reloaded', 'PanicModeDisabled', 'DefaultZoneChanged', 'ZoneUpdated'],
  ...['InterfaceAdded', 'InterfaceRemoved', 'ZoneChanged', 'ZoneOfInterfaceChanged'],
]);

/** Reads a signal; undefined when it is of no consequence. */
export function happening({ interface: from, member, body }: Signal): Happening | undefined {
  if (from === DBUS.interface && member === 'NameOwnerChanged') {
    if (body[0] !== NAME) return undefined;
    return body[2] === '' ? 'went' : 'came';
  }
  if (from !== NAME && from !== `${NAME}.zone`) return undefined;
  if (member === 'RichRuleRemoved') return { kind: 'rule-removed', zone: String(body[0]), rule: String(body[1]) };
  return UPSETTING.has(member) ? 'changed' : undefined;
}

/** Whether firewalld refused for this reason: the first word of what it says. */
export function isRefusal(error: unknown, code: string): boolean {
  return error instanceof BusError && error.answer?.text.startsWith(code) === true;
}

async function unless(code: string, work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isRefusal(error, code)) throw error;
  }
}

/** Calls a method of firewalld that takes strings. */
function ask(bus: Bus, from: string, member: string, ...body: readonly string[]): Promise<readonly unknown[]> {
  const args = body.length === 0 ? {} : { signature: 's'.repeat(body.length), body };
  return bus.call({ destination: NAME, path: PATH, interface: from, member, ...args });
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

/** The values of a dictionary of variants. */
function variants(value: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, isRecord(one) ? one['value'] : one]));
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function pairs(value: unknown): readonly (readonly [string, string])[] {
  return Array.isArray(value) ? value.map((pair) => [String(pair[0]), String(pair[1])] as const) : [];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
