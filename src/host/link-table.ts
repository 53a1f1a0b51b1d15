/** Interfaces and addresses put together from the kernel's messages. Pure but for the table itself. */
import type { LinkChange, NetworkLink } from './link-watch.ts';
import type { NetlinkMessage } from './netlink-message.ts';
import {
  type AddressMessage,
  decodeAddress,
  decodeLink,
  type LinkMessage,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
} from './rtnetlink.ts';

export class LinkTable {
  readonly #byIndex = new Map<number, LinkMessage>();
  /** By interface. The same address may be there twice, with prefixes of different lengths: so `ADDRESS/PREFIX`. */
  readonly #addresses = new Map<number, Map<string, string>>();
  readonly #byName = new Map<string, NetworkLink>();

  get links(): ReadonlyMap<string, NetworkLink> {
    return this.#byName;
  }

  /** Takes in one message; what it changed. */
  apply({ type, payload }: NetlinkMessage): readonly LinkChange[] {
    if (type === RTM_NEWLINK || type === RTM_DELLINK) {
      const link = decodeLink(payload);
      if (link === undefined) return [];
      return type === RTM_NEWLINK ? this.#setLink(link) : this.#removeLink(link.index);
    }
    if (type === RTM_NEWADDR || type === RTM_DELADDR) {
      const address = decodeAddress(payload);
      return address === undefined ? [] : this.#setAddress(address, type === RTM_NEWADDR);
    }
    return [];
  }

  /** What another table has that this one has not, as changes from this one to it. */
  changesTo(other: LinkTable): readonly LinkChange[] {
    const names = new Set([...this.links.keys(), ...other.links.keys()]);
    return [...names].flatMap((name) => changeOf(name, this.links.get(name), other.links.get(name)));
  }

  #setLink(link: LinkMessage): readonly LinkChange[] {
    const renamed = this.#byIndex.get(link.index);
    const gone = renamed === undefined || renamed.name === link.name ? [] : this.#show(renamed.name, undefined);
    this.#byIndex.set(link.index, link);
    return [...gone, ...this.#show(link.name, link)];
  }

  #removeLink(index: number): readonly LinkChange[] {
    const link = this.#byIndex.get(index);
    this.#byIndex.delete(index);
    this.#addresses.delete(index);
    return link === undefined ? [] : this.#show(link.name, undefined);
  }

  #setAddress({ index, address, prefix }: AddressMessage, present: boolean): readonly LinkChange[] {
    const addresses = this.#addresses.get(index) ?? new Map<string, string>();
    this.#addresses.set(index, addresses);
    if (present) addresses.set(`${address}/${prefix}`, address);
    else addresses.delete(`${address}/${prefix}`);
    const link = this.#byIndex.get(index);
    return link === undefined ? [] : this.#show(link.name, { ...link, announce: false });
  }

  #show(name: string, message: LinkMessage | undefined): readonly LinkChange[] {
    const previous = this.#byName.get(name);
    if (message === undefined) {
      this.#byName.delete(name);
      return changeOf(name, previous, undefined);
    }
    const { announce, ...facts } = message;
    const addresses = [...new Set(this.#addresses.get(message.index)?.values() ?? [])].sort();
    const link: NetworkLink = { ...facts, addresses };
    this.#byName.set(name, link);
    return changeOf(name, previous, link, announce);
  }
}

function changeOf(
  name: string,
  previous: NetworkLink | undefined,
  link: NetworkLink | undefined,
  announce = false,
): readonly LinkChange[] {
  return !announce && isSame(previous, link) ? [] : [{ name, link, previous, announce }];
}

function isSame(a: NetworkLink | undefined, b: NetworkLink | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return textOf(a) === textOf(b);
}

const textOf = ({ mac, ...link }: NetworkLink): string => JSON.stringify([link, mac && [...mac]]);
