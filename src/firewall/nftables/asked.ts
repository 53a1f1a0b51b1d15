/** What the kernel's packet filter refuses, as a failure of a firewall. */
import { NetlinkError } from '../../host/netlink-dump.ts';
import { NftError } from '../../host/nft.ts';
import { TransactionError } from '../../netfilter/netfilter.ts';
import { FirewallError } from '../backend.ts';

/** Does the work. Throws {@link FirewallError} when nftables refuse it. */
export async function asked<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof NftError || cause instanceof TransactionError || cause instanceof NetlinkError) {
      throw new FirewallError(`nftables: ${cause.message}`, { cause });
    }
    throw cause;
  }
}
