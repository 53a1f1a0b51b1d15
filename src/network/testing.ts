/** For tests that run a whole pod network in namespaces of their own. */
import { skipWithoutPrograms, skipWithoutTaps } from '../host/testing/in-namespace.ts';

/** What is missing to run a pod network here, or false: the `skip` of its tests. */
export function skipWithoutPodNetwork(): string | false {
  return skipWithoutPrograms('dnsmasq', 'nft', 'ip') || skipWithoutTaps();
}
