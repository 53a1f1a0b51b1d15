/** Names of firewalld's objects and interfaces on the bus, and the forms of their answers. */
import type { Bus } from './bus.ts';

/** Its name on the bus, and its main object and interface. */
export const NAME = 'org.fedoraproject.FirewallD1';
export const PATH = '/org/fedoraproject/FirewallD1';
/** Its permanent configuration. */
export const CONFIG_PATH = `${PATH}/config`;
export const CONFIG = `${NAME}.config`;
export const CONFIG_ZONE = `${CONFIG}.zone`;
/** What every object's properties are read by. */
export const PROPERTIES = 'org.freedesktop.DBus.Properties';

/** Calls a method of firewalld that takes strings. */
export function ask(bus: Bus, from: string, member: string, ...body: readonly string[]): Promise<readonly unknown[]> {
  const args = body.length === 0 ? {} : { signature: 's'.repeat(body.length), body };
  return bus.call({ destination: NAME, path: PATH, interface: from, member, ...args });
}

/** The values of a dictionary of variants. */
export function variants(value: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, variant(one)]));
}

/** The value of a variant. */
export function variant(value: unknown): unknown {
  return isRecord(value) ? value['value'] : value;
}

/** A list of strings; none of anything else. */
export function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** A list of pairs, as of port and protocol; none of anything else. */
export function pairs(value: unknown): readonly (readonly [string, string])[] {
  return Array.isArray(value) ? value.map((pair) => [String(pair[0]), String(pair[1])] as const) : [];
}

/** Whether it has members to look at. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
