/** Public addresses that were reserved for somebody before. */
import { isNotFound, type NetworkCalls } from '../calls.ts';
import type { Refused } from './keeper.ts';

/** The OCID of a reserved public address that nothing has. Rejects with an OciError. */
export async function reservedIp(
  network: Pick<NetworkCalls, 'getPublicIpByIpAddress'>,
  ipAddress: string,
): Promise<{ readonly kind: 'reserved'; readonly id: string } | Refused> {
  const refused = (why: string): Refused => ({
    kind: 'refused',
    reason: 'AddressNotAvailable',
    why: `spec.loadBalancerIP: ${ipAddress}: ${why}`,
  });
  try {
    const { publicIp } = await network.getPublicIpByIpAddress({ getPublicIpByIpAddressDetails: { ipAddress } });
    const { id, lifetime, lifecycleState } = publicIp;
    if (id === undefined || lifetime !== 'RESERVED') return refused('it is not reserved: reserve one, and name that');
    const isFree = lifecycleState === 'AVAILABLE' || lifecycleState === 'UNASSIGNED';
    return isFree
      ? { kind: 'reserved', id }
      : refused(`something else has it (${lifecycleState}): free it, or name another`);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return refused('there is no such public address, or it may not be seen: reserve it, or leave it out');
  }
}
