/**
 * The ranges that cluster IPs are given from: the ServiceCIDR objects, in memory. That a range is as it was read is a
 * condition of the transaction that takes an address of it, so none is taken from a range that is going away.
 */
import { DEFAULT_SERVICE_CIDR, isReadyServiceCIDR, ServiceCIDR } from '../../api/networking/v1/servicecidr.ts';
import { type CIDR, parseCIDR } from '../../lib/ip.ts';
import type { Compare, Store } from '../../store/store.ts';
import type { Settlement } from '../admission.ts';
import type { Codec } from '../storage/codec.ts';
import { kindPrefix } from '../storage/keys.ts';

/** One prefix of a ServiceCIDR. */
export interface ServiceRange {
  readonly name: string;
  readonly cidr: CIDR;
  /** Whether addresses are given from it. */
  readonly isReady: boolean;
  /** Holds as long as the ServiceCIDR is as it was read. */
  readonly unchanged: Compare;
}

const PREFIX = kindPrefix(ServiceCIDR);

export class ServiceRanges {
  readonly #store: Store;
  readonly #codec: Codec;
  #ranges: Promise<readonly ServiceRange[]> | undefined;

  constructor(store: Store, codec: Codec) {
    this.#store = store;
    this.#codec = codec;
  }

  /** Every range: the server's own first, then by name. */
  async all(): Promise<readonly ServiceRange[]> {
    this.#ranges ??= this.#read();
    const ranges = this.#ranges;
    try {
      return await ranges;
    } catch (error) {
      if (this.#ranges === ranges) this.#ranges = undefined;
      throw error;
    }
  }

  /** Makes the next to ask read again. */
  forget(): void {
    this.#ranges = undefined;
  }

  settled({ written, stale }: Settlement): void {
    if ([...written, ...stale].some(({ key }) => key.startsWith(PREFIX))) this.forget();
  }

  async #read(): Promise<readonly ServiceRange[]> {
    const { entries } = await this.#store.list(PREFIX);
    const rank = (name: string) => (name === DEFAULT_SERVICE_CIDR ? 0 : 1);
    return entries
      .flatMap((entry): ServiceRange[] => {
        const object = this.#codec.decode(entry).object as ServiceCIDR;
        const unchanged = { key: entry.key, modified: entry.modified };
        const shared = { name: object.metadata.name ?? '', isReady: isReadyServiceCIDR(object), unchanged };
        return (object.spec?.cidrs ?? [])
          .map(parseCIDR)
          .filter((cidr) => cidr !== undefined)
          .map((cidr) => ({ ...shared, cidr }));
      })
      .sort((a, b) => rank(a.name) - rank(b.name));
  }
}
