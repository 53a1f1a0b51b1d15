/** For tests that need iptables. */
import { skipUnless } from '../../host/testing/in-namespace.ts';
import type { IptablesVariant } from './iptables.ts';

/** Why fixtures with this variant cannot run here, or false. */
export function skipWithoutIptables(variant: IptablesVariant): string | false {
  return skipUnless([
    'sh',
    '-c',
    `mount -t tmpfs tmpfs /run && iptables-${variant} -t nat -S && ip6tables-${variant} -t nat -S`,
  ]);
}
