/** Rich rules in firewalld's zones: listed, added and removed. */
import { type Bus, BusError } from './bus.ts';
import { ask, CONFIG, CONFIG_PATH, CONFIG_ZONE, NAME, PATH, strings } from './objects.ts';

/** Rich rules of zones: those that apply now, or those that apply after firewalld's next start or reload. */
export interface RichRules {
  zones(): Promise<readonly string[]>;
  of(zone: string): Promise<readonly string[]>;
  /** Adds and removes, in this order. What is there, or away, already is passed over. */
  change(zone: string, added: readonly string[], removed: readonly string[]): Promise<void>;
}

/** Those that apply now. */
export class RuntimeRules implements RichRules {
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

/** Those that apply after firewalld's next start or reload. */
export class PermanentRules implements RichRules {
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

/** Whether firewalld refused for this reason: the first word of what it says. */
function isRefusal(error: unknown, code: string): boolean {
  return error instanceof BusError && error.answer?.text.startsWith(code) === true;
}

async function unless(code: string, work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isRefusal(error, code)) throw error;
  }
}
