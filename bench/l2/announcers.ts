/** Which node shall announce what in these benches: the same in all of them. */
import type { KubeObject } from '../../src/api/meta/v1.ts';
import { advertisement, pool, preferring } from '../../test/e2e/l2/objects.ts';

/** The node that announces everything while it can. */
export const FIRST = 'node1';
/** The one that does when it cannot. */
export const SECOND = 'node2';

/** A pool, announced by {@link FIRST}, or else {@link SECOND}, or else any other node. */
export function announced(name: string, addresses: readonly string[]): readonly KubeObject[] {
  return [pool(name, addresses), advertisement(name, { ipAddressPools: [name], ...preferring(FIRST, SECOND) })];
}
