/** Reading and checking what was typed: one parser per kind of value, each naming the option in what it complains of. */
import { InvalidArgumentError, Option } from 'commander';
import { type Duration, milliseconds } from '../lib/duration.ts';
import { type CIDR, type IPFamily, parseCIDR, parseIP } from '../lib/ip.ts';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** `HOST:PORT`, with IPv6 hosts in brackets; port 0 means any free port. */
export function parseHostPort(text: string): HostPort {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) {
    throw new InvalidArgumentError('It is HOST:PORT, such as 127.0.0.1:6443 or [::1]:0 (0: any free port).');
  }
  return { host, port };
}

/** Comma-separated `HOST:PORT`, or `none`. */
export function parseListenAddresses(text: string): readonly HostPort[] {
  return text === 'none' ? [] : text.split(',').map((part) => parseHostPort(part.trim()));
}

/** Comma-separated families, the primary one first. */
export function parseFamilies(text: string): readonly IPFamily[] {
  const families = text.split(',').map((part): IPFamily => {
    const name = part.trim().toLowerCase();
    if (name === 'ipv4') return 'IPv4';
    if (name === 'ipv6') return 'IPv6';
    throw new InvalidArgumentError('It is ipv4, ipv6, or both with the primary first, such as ipv4,ipv6.');
  });
  if (new Set(families).size !== families.length) throw new InvalidArgumentError('A family is named twice.');
  return families;
}

/** Comma-separated prefixes, at most one per family, the primary family first. */
export function parseCIDRs(text: string): readonly CIDR[] {
  const cidrs = parsePrefixes(text);
  const families = cidrs.map((cidr) => cidr.base.family);
  if (new Set(families).size !== families.length) throw new InvalidArgumentError('At most one prefix per family.');
  return cidrs;
}

/** Comma-separated prefixes, as many as there are. */
export function parsePrefixes(text: string): readonly CIDR[] {
  return text.split(',').map((part) => {
    const cidr = parseCIDR(part.trim());
    if (cidr === undefined) throw new InvalidArgumentError(`"${part}" is not a prefix such as 10.96.0.0/16.`);
    return cidr;
  });
}

/** Comma-separated URLs of API servers. */
export function parseServers(text: string): readonly string[] {
  return text.split(',').map((part) => {
    const word = part.trim();
    const url = URL.canParse(word) ? new URL(word) : undefined;
    if (url?.protocol === 'https:' && url.pathname === '/' && url.username === '') return url.origin;
    throw new InvalidArgumentError(`"${word}" is not https://HOST:PORT, such as https://192.0.2.1:6443.`);
  });
}

/** The name of an interface, or its beginning. */
export function parseInterface(text: string): string {
  if (!/^[^\s/"*]{1,15}$/.test(text)) throw new InvalidArgumentError('It is the name of an interface, such as cni0.');
  return text;
}

/** Comma-separated names of interfaces. */
export function parseInterfaces(text: string): readonly string[] {
  return text.split(',').map((part) => parseInterface(part.trim()));
}

export function parseAddress(text: string, previous: readonly string[] = []): readonly string[] {
  if (parseIP(text) === undefined) throw new InvalidArgumentError('It is an IPv4 or IPv6 address.');
  return [...previous, text];
}

export function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d{1,3}$/.test(text) || count < 1) throw new InvalidArgumentError('It is a whole number from 1 to 999.');
  return count;
}

/** `50ms`, `1s` or `1.5s`, and `0` for none. */
export function parseDuration(text: string): Duration {
  const [, count, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s)$/.exec(text) ?? (text === '0' ? ['', '0', 'ms'] : []);
  if (count === undefined) throw new InvalidArgumentError('It is a time such as 50ms, 1s or 1.5s.');
  return milliseconds(Math.round(Number(count) * (unit === 's' ? 1000 : 1)));
}

/** Milliseconds in one of each. */
const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time that is counted in days as well: `90s`, `30m`, `1h`, `365d`. */
export function parseLifetime(text: string): Duration {
  const [, count = '', unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const length = Number(count) * (UNITS[unit] ?? 0);
  if (length === 0) throw new InvalidArgumentError('It is a time such as 90s, 30m, 1h or 365d.');
  return milliseconds(length);
}

/** A UDP or TCP port. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) {
    throw new InvalidArgumentError('It is a port from 1 to 65535.');
  }
  return port;
}

/** An option whose default is given as the text that a user would type. */
export function parsedOption<T>(
  flags: string,
  description: string,
  parse: (text: string) => T,
  preset: string,
): Option {
  return new Option(flags, description).argParser(parse).default(parse(preset), preset);
}

/** Of whatever serves the API: where it keeps everything. */
export const dataDirOption = (): Option =>
  new Option(
    '--data-dir <dir>',
    'where everything is kept; DIR/kubeconfig is written for kubectl',
  ).makeOptionMandatory();

/** Of whatever serves the API: where. */
export const listenOption = (): Option =>
  parsedOption(
    '--listen <host:port>',
    'where to serve the API; port 0: any free port',
    parseHostPort,
    '127.0.0.1:6443',
  );

/** `-o json|yaml`: output for programs. */
export const outputOption = (): Option =>
  new Option('-o, --output <format>', 'output for programs').choices(['json', 'yaml']);
export type OutputFormat = 'json' | 'yaml' | undefined;
