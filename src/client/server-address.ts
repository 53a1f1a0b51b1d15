/** Where servers are: URLs, and the addresses behind their names. */
import { isIP } from 'node:net';

/** A server as it is connected to. */
export interface ServerAddress {
  /** `https://HOST:PORT`, as somebody named it. */
  readonly url: string;
  /** One of several addresses that the URL's host has; undefined when the host is an address, or has but one. */
  readonly address: string | undefined;
}

/** The addresses of a host name. Rejects when it is not known. */
export type LookUp = (host: string) => Promise<readonly string[]>;

/** As every program of this machine finds them: the hosts file, then DNS. */
export async function systemLookUp(host: string): Promise<readonly string[]> {
  // Loaded on use: most servers are named by their address.
  const { lookup } = await import('node:dns/promises');
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

/** The host of a URL without the brackets of an IPv6 address. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

/** Whether the host has to be looked up to be known in full. The names of this machine itself are left to the system. */
export function isLookedUp(url: string): boolean {
  const host = hostOf(new URL(url));
  return isIP(host) === 0 && host !== 'localhost' && !host.endsWith('.localhost');
}

/** Every address of a name is a server of its own. One that cannot be looked up now stays as it is: connecting says what is wrong. */
export async function addressesOf(url: string, lookUp: LookUp): Promise<readonly ServerAddress[]> {
  if (!isLookedUp(url)) return [{ url, address: undefined }];
  const found = await lookUp(hostOf(new URL(url))).catch((): readonly string[] => []);
  const addresses = [...new Set(found)];
  return addresses.length < 2 ? [{ url, address: undefined }] : addresses.map((address) => ({ url, address }));
}

/** Tells servers apart; for maps and messages. */
export function printServer({ url, address }: ServerAddress): string {
  return address === undefined ? url : `${url} (${address})`;
}
