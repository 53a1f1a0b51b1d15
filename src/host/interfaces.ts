/** The machine's network interfaces, as far as they are up and have addresses. */
import { networkInterfaces } from 'node:os';
import { parseIP, printIP } from '../lib/ip.ts';

export interface HostInterface {
  readonly name: string;
  /** In canonical text, without zone. */
  readonly addresses: readonly string[];
}

export type ReadInterfaces = () => readonly HostInterface[];

export const readInterfaces: ReadInterfaces = () =>
  Object.entries(networkInterfaces()).map(([name, infos = []]) => ({
    name,
    addresses: infos.map(({ address }) => canonical(address)),
  }));

function canonical(address: string): string {
  const ip = parseIP(address.split('%')[0] ?? '');
  return ip === undefined ? address : printIP(ip);
}
